/** UNAUTHENTICATE: the connection is nobody's again, as after the greeting. It never answers NO (RFC 8437 §3). */
import { SyntaxFault } from '#base/fault.ts'
import { capabilities } from '../session/capabilities.ts'
import { command, noArguments } from '../session/command.ts'
import { signedIn } from '../session/session-state.ts'

export const unauthenticate = command({
  name: 'UNAUTHENTICATE',
  states: signedIn,
  standard: 'RFC 8437 §3',
  parse(reader, session) {
    if (!session.settings.allowUnauthenticate) throw new SyntaxFault('not allowed here', 0)
    return noArguments(reader, session)
  },
  async run(session) {
    const { connection, reader, out } = session
    session.signedOut()
    const code = `CAPABILITY ${capabilities(session).join(' ')}`
    if (!connection.isDeflated) return { code, text: 'Signed out' }
    // RFC 8437 §4.1: compression ends behind the CRLF, here of the answer and there of the command.
    session.tagged(reader.tag, 'OK', code, 'Signed out')
    await out.end()
    await connection.stopDeflate()
    return { silent: true }
  },
})
