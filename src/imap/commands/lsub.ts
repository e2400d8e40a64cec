/** LSUB: the names that are subscribed to, for clients of IMAP4rev1. */
import { command, whole } from '../session/command.ts'
import { signedIn } from '../session/session-state.ts'
import type { Arguments } from '../wire/grammar.ts'
import { Patterns, readCandidates } from '../mailbox/list-candidates.ts'
import { writeListed } from '../mailbox/list-response.ts'
import { parentPath } from '../namespace/mailbox-name.ts'

const noReference = new Uint8Array(0)

export const lsub = command<Uint8Array>({
  name: 'LSUB',
  states: signedIn,
  standard: 'RFC 3501 §6.3.9',
  parse: whole((args: Arguments) => {
    args.sp()
    const reference = args.astring()
    args.sp()
    return Buffer.concat([reference, args.listMailbox()])
  }),
  async run(session, written) {
    const patterns = new Patterns([written], noReference, session.isUtf8)
    const candidates = await readCandidates(session, (prefix) => patterns.mayMatch(prefix), true)
    const subscribed = candidates.filter(({ isSubscribed }) => isSubscribed)
    const said = new Set<string>()
    for (const { path } of subscribed) {
      if (!patterns.matches(path)) continue
      said.add(path)
      writeListed(session, 'LSUB', { path, attributes: [] })
    }
    // RFC 3501 §6.3.9: a level that is not subscribed to itself, above names that are.
    for (const { path } of subscribed) {
      for (let above = parentPath(path); above !== undefined; above = parentPath(above)) {
        if (said.has(above) || !patterns.asksForLevel(above)) continue
        said.add(above)
        writeListed(session, 'LSUB', { path: above, attributes: ['\\Noselect'] })
      }
    }
  },
})
