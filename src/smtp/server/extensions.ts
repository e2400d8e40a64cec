/** The keywords of EHLO, each with the command file or stage that keeps its promise. */
import type { SmtpSession } from './smtp-command.ts'

type Extension = (session: SmtpSession) => string | undefined

const offeredTo = ({ deps, connection: { tls } }: SmtpSession): readonly string[] =>
  deps.mechanisms.offered({ tls, allowsClear: false }).map(({ name }) => name)

const list: readonly Extension[] = [
  // RFC 2920: `session.ts` and the connection, which holds replies back while commands are buffered.
  () => 'PIPELINING',
  // RFC 1870: `commands/mail.ts`, `stages/declared-size.ts`, `intake.ts`.
  (session) => `SIZE ${session.limits.maxMessageBytes}`,
  // RFC 6152: data is stored as it comes.
  () => '8BITMIME',
  // RFC 6531: `path.ts`, `commands/mail.ts`, `commands/rcpt.ts`.
  () => 'SMTPUTF8',
  // RFC 3030 §2: `commands/bdat.ts`. (RFC 3030 §3, BINARYMIME, is not offered: line ends are checked.)
  () => 'CHUNKING',
  // RFC 2034: `reply.ts`.
  () => 'ENHANCEDSTATUSCODES',
  // RFC 3207 §4.2: not once TLS is on.
  (session) => (session.connection.canStartTls ? 'STARTTLS' : undefined),
  // RFC 4954 §3: not once signed in, and here only under TLS.
  (session) => (session.canSignIn ? `AUTH ${offeredTo(session).join(' ')}` : undefined),
]

export const extensions = (session: SmtpSession): readonly string[] =>
  list.map((extension) => extension(session)).filter((keyword) => keyword !== undefined)
