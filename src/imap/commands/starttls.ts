/** STARTTLS: the connection becomes private. What was sent in clear behind it is thrown away (RFC 9051 §6.2.1). */
import { command, noArguments } from '../session/command.ts'
import { Refusal } from '../errors.ts'

export const starttls = command({
  name: 'STARTTLS',
  states: ['greeting'],
  standard: 'RFC 9051 §6.2.1',
  parse: noArguments,
  async run(session) {
    const { connection, reader, out } = session
    if (connection.tls !== undefined) throw new Refusal('TLS is on already', undefined, 'BAD')
    if (!connection.canStartTls) throw new Refusal('TLS is not available here', 'UNAVAILABLE')
    await out.end()
    await connection.startTls(Buffer.from(`${reader.tag} OK Begin TLS negotiation now\r\n`, 'latin1'))
    return { silent: true }
  },
})
