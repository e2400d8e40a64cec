/** NAMESPACE: everybody has one personal namespace, without a prefix. */
import { command, noArguments } from '../command.ts'
import { signedIn } from '../session-state.ts'
import { delimiter } from '../mailbox-name.ts'

export const namespace = command({
  name: 'NAMESPACE',
  states: signedIn,
  standard: 'RFC 9051 §6.3.10',
  parse: noArguments,
  async run(session) {
    session.untagged(`NAMESPACE (("" "${delimiter}")) NIL NIL`)
  },
})
