/** CAPABILITY: what the server can do, now and for this client. */
import { capabilities } from '../session/capabilities.ts'
import { command, noArguments } from '../session/command.ts'
import { anyState } from '../session/session-state.ts'

export const capability = command({
  name: 'CAPABILITY',
  states: anyState,
  standard: 'RFC 9051 §6.1.1',
  parse: noArguments,
  async run(session) {
    session.untagged(`CAPABILITY ${capabilities(session).join(' ')}`)
  },
})
