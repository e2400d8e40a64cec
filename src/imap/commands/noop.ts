/** NOOP, and CHECK which asked for a checkpoint: occasions to tell what is new, which the loop does. */
import { command, noArguments } from '../session/command.ts'
import { anyState } from '../session/session-state.ts'

export const noop = command({
  name: 'NOOP',
  states: anyState,
  standard: 'RFC 9051 §6.1.2',
  parse: noArguments,
  async run() {},
})

/** Everything is on disk before it is answered, so there is nothing to do. */
export const check = command({
  name: 'CHECK',
  states: ['selected'],
  standard: 'RFC 3501 §6.4.1',
  parse: noArguments,
  async run() {},
})
