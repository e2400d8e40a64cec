/** CLOSE and UNSELECT: leave the mailbox, with CLOSE after removing what is marked \Deleted, silently. */
import { hasAny, rightsOf } from '#mail/rights.ts'
import { command, noArguments } from '../session/command.ts'
import { expungeDeleted } from './expunge.ts'

export const close = command({
  name: 'CLOSE',
  states: ['selected'],
  standard: 'RFC 9051 §6.4.1',
  parse: noArguments,
  async run(session) {
    const { held } = await session.selectedNow('r')
    // RFC 4314 §4: without the right to expunge it is no failure either.
    if (!session.selectedView.isReadOnly && hasAny(held.rights, rightsOf('e'))) await expungeDeleted(session)
    session.selected = undefined
  },
})

export const unselect = command({
  name: 'UNSELECT',
  states: ['selected'],
  standard: 'RFC 9051 §6.4.2',
  parse: noArguments,
  async run(session) {
    session.selected = undefined
  },
})
