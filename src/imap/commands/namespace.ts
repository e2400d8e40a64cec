/** NAMESPACE: the own mailboxes without a prefix, those of other users, and those of groups. */
import { command, noArguments } from '../session/command.ts'
import { signedIn } from '../session/session-state.ts'
import { delimiter, writeName } from '../namespace/mailbox-name.ts'

export const namespace = command({
  name: 'NAMESPACE',
  states: signedIn,
  standard: 'RFC 9051 §6.3.10',
  parse: noArguments,
  async run(session) {
    const { out, isUtf8 } = session
    const { otherUsers, sharedFolders } = session.mailboxes.names
    out.ascii('* NAMESPACE')
    for (const prefix of ['', otherUsers + delimiter, sharedFolders + delimiter]) {
      out.ascii(' ((')
      writeName(out, prefix, isUtf8)
      out.ascii(` "${delimiter}"))`)
    }
    out.crlf()
  },
})
