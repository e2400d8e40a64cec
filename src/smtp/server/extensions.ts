/** The keywords of EHLO, each with the command file or stage that keeps its promise. */
import type { SmtpSession } from './smtp-command.ts'

type Extension = (session: SmtpSession) => string | undefined

const offeredTo = ({ deps, connection: { tls } }: SmtpSession): readonly string[] =>
  deps.mechanisms.offered({ tls, allowsClear: false }).map(({ name }) => name)
/** RFC 4865 §3 item 2: seconds, and a time. */
function futureRelease({ deps, limits }: SmtpSession): string {
  const latest = new Date(deps.clock.now() + limits.maxHoldMs).toISOString().replace(/\.\d+Z$/, 'Z')
  return `FUTURERELEASE ${Math.floor(limits.maxHoldMs / 1000)} ${latest}`
}

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
  // RFC 3461: `envelope.ts`, kept in the queue. Strangers could have notifications sent to anybody.
  (session) => (session.isSubmission ? 'DSN' : undefined),
  // RFC 4865 §4.2 item 2: on a port for submission only. `outlet.ts`.
  (session) => (session.role === 'submission' ? futureRelease(session) : undefined),
  // RFC 2852 §3.
  (session) => (session.isSubmission ? 'DELIVERBY' : undefined),
  // RFC 3207 §4.2: not once TLS is on.
  (session) => (session.connection.canStartTls ? 'STARTTLS' : undefined),
  // RFC 4954 §3: not once signed in, and here only under TLS.
  (session) => (session.canSignIn ? `AUTH ${offeredTo(session).join(' ')}` : undefined),
]

export const extensions = (session: SmtpSession): readonly string[] =>
  list.map((extension) => extension(session)).filter((keyword) => keyword !== undefined)
