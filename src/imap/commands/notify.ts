/** NOTIFY: of which events the client is told, at any time, in place of what it is told without it. */
import { command, whole } from '../session/command.ts'
import { Refusal } from '../errors.ts'
import { eventNames, type NotifySet, readEventGroups } from '../notify/event-groups.ts'
import type { Arguments } from '../wire/grammar.ts'
import { Notifications } from '../notify/notifications.ts'
import { signedIn } from '../session/session-state.ts'
import { showAll } from '../selected/show-changes.ts'

interface NotifyArguments {
  /** Undefined for NONE. */
  readonly set: NotifySet | undefined
  readonly withStatus: boolean
}

export const notify = command<NotifyArguments>({
  name: 'NOTIFY',
  states: signedIn,
  standard: 'RFC 5465 §3.1',
  parse: whole((args: Arguments, { settings }) => {
    args.sp()
    const word = args.word()
    if (word === 'NONE') return { set: undefined, withStatus: false }
    if (word !== 'SET') args.fail('expected SET or NONE')
    const withStatus = args.takeWord(' status')
    args.sp()
    return { set: readEventGroups(args, settings.maxNotifyGroups), withStatus }
  }),
  async run(session, { set, withStatus }) {
    if (set === undefined) {
      session.setNotify(Notifications.none(session))
      return
    }
    if (set.hasUnknown) throw new Refusal('There are no such events', `BADEVENT (${eventNames.join(' ')})`)
    // What was asked for before is told to here.
    await (await session.notify?.news())?.tell()
    const started = await Notifications.start(session, set, withStatus)
    await showAll(session)
    session.setNotify(started)
  },
})
