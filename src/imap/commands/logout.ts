/** LOGOUT: both sides say goodbye. */
import { command, noArguments } from '../session/command.ts'
import { anyState } from '../session/session-state.ts'

export const logout = command({
  name: 'LOGOUT',
  states: anyState,
  standard: 'RFC 9051 §6.1.3',
  parse: noArguments,
  async run(session) {
    session.selected = undefined
    session.isOver = true
    session.untagged('BYE Until next time')
  },
})
