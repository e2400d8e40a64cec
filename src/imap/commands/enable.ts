/** ENABLE: what changes the server's responses, at the client's wish. */
import { command, whole } from '../session/command.ts'
import { signedIn } from '../session/session-state.ts'
import type { Arguments } from '../wire/grammar.ts'
import type { ImapSession } from '../session/session.ts'

interface Extension {
  /** The words that are said to be enabled then. */
  readonly words: readonly string[]
  /** Without it, always. */
  readonly isOffered?: (session: ImapSession) => boolean
  enable(session: ImapSession): void
}

const extensions: ReadonlyMap<string, Extension> = new Map<string, Extension>([
  ['IMAP4REV2', { words: ['IMAP4rev2'], enable: (session) => (session.isRev2 = true) }],
  [
    'UTF8=ACCEPT',
    {
      words: ['UTF8=ACCEPT'],
      isOffered: ({ offersUtf8 }) => offersUtf8,
      enable: (session) => (session.acceptsUtf8 = true),
    },
  ],
  ['CONDSTORE', { words: ['CONDSTORE'], enable: (session) => session.enableCondstore() }],
  // RFC 7162 §3.2.3: with CONDSTORE or without, the result is the same.
  ['QRESYNC', { words: ['CONDSTORE', 'QRESYNC'], enable: (session) => session.enableQresync() }],
  ['UIDONLY', { words: ['UIDONLY'], enable: (session) => (session.isUidOnly = true) }],
])

export const enable = command<readonly string[]>({
  name: 'ENABLE',
  states: signedIn,
  standard: 'RFC 9051 §6.3.1, RFC 7162 §3.2.3, RFC 9755 §3, RFC 9586 §3.1',
  parse: whole((args: Arguments) => {
    const words: string[] = []
    do {
      args.sp()
      words.push(args.word())
    } while (!args.atEnd)
    return words
  }),
  async run(session, asked) {
    const enabled = new Set<string>()
    for (const name of asked) {
      const extension = extensions.get(name)
      if (extension === undefined || extension.isOffered?.(session) === false) continue
      extension.enable(session)
      for (const word of extension.words) enabled.add(word)
    }
    session.untagged(['ENABLED', ...enabled].join(' '))
  },
})
