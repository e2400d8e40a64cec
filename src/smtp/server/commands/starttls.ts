/**
 * STARTTLS (RFC 3207). What was sent ahead in clear is dropped, never answered, and everything known from
 * before is forgotten (RFC 3207 §4.2): otherwise somebody on the way could put commands into the session.
 */
import { isFault } from '#base/fault.ts'
import { expectNothing } from '../../command.ts'
import { startTlsDone, startTlsFailed } from '../../events.ts'
import { type Reply, reply } from '../../reply.ts'
import { everywhere, smtpCommand, type SmtpSession } from '../smtp-command.ts'

const ready = reply(220, '2.0.0', 'Ready to start TLS')
const already = reply(503, '5.5.1', 'TLS is on already')
const notHere = reply(502, '5.5.1', 'TLS is not available here')

export const starttls = smtpCommand<void>({
  verb: 'STARTTLS',
  standard: 'RFC 3207 §4',
  roles: everywhere,
  need: 'nothing',
  needsSignIn: false,
  operation: 'other',
  syntaxReply: reply(501, '5.5.4', 'Syntax: STARTTLS'),
  parse: expectNothing,
  run(session) {
    if (session.connection.tls !== undefined) return already
    return session.connection.canStartTls ? upgrade(session) : notHere
  },
})

async function upgrade(session: SmtpSession): Promise<Reply | undefined> {
  const { connection } = session
  session.reset()
  try {
    const { droppedBytes } = await connection.startTls(ready)
    session.restart()
    const { version, cipher } = connection.tls!
    session.emit(startTlsDone, { version, cipher, droppedBytes, suspicious: droppedBytes > 0 })
  } catch (error) {
    if (!isFault(error)) throw error
    session.emit(startTlsFailed, { reason: error.message })
    session.close('TLS handshake failed')
  }
  return undefined
}
