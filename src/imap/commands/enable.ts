/** ENABLE: what changes the server's responses, at the client's wish. Only IMAP4rev2 does so far. */
import { command, whole } from '../command.ts'
import { signedIn } from '../session-state.ts'
import type { Arguments } from '../grammar.ts'

export const enable = command<readonly string[]>({
  name: 'ENABLE',
  states: signedIn,
  standard: 'RFC 9051 §6.3.1',
  parse: whole((args: Arguments) => {
    const words: string[] = []
    do {
      args.sp()
      words.push(args.word())
    } while (!args.atEnd)
    return words
  }),
  async run(session, words) {
    const enables = !session.isRev2 && words.includes('IMAP4REV2')
    if (enables) session.isRev2 = true
    session.untagged(enables ? 'ENABLED IMAP4rev2' : 'ENABLED')
  },
})
