/** EXPUNGE and UID EXPUNGE: messages marked \Deleted are removed; the loop then tells so. */
import type { Uid } from '#base/id.ts'
import { expungeMessages } from '#mail/expunge.ts'
import type { MailboxView } from '#mail/mailbox-view.ts'
import { command, noArguments, whole } from '../session/command.ts'
import type { Arguments } from '../wire/grammar.ts'
import { type HeldMailbox, placeOf } from '../namespace/mailbox-ref.ts'
import { completeLimited, limitUids } from '../session/message-limit.ts'
import { eachPosition, type Positions, positionsOfUids, type SequenceSet } from '../wire/sequence-set.ts'
import { Progress } from '../session/progress.ts'
import type { ImapSession } from '../session/session.ts'
import type { SessionView } from '../session/view.ts'

/** Messages in one commit. */
const pageSize = 1000

export const expunge = command({
  name: 'EXPUNGE',
  states: ['selected'],
  standard: 'RFC 9051 §6.4.3, RFC 7162 §3.2.7',
  parse: noArguments,
  async run(session) {
    session.assertWritable()
    // RFC 9738 §3.1: without a limit, as CLOSE.
    return { expunged: await expungeDeleted(session) }
  },
})

export const uidExpunge = command<SequenceSet>({
  name: 'UID EXPUNGE',
  states: ['selected'],
  standard: 'RFC 9051 §6.4.9, RFC 7162 §3.2.9',
  parse: whole((args: Arguments) => {
    args.sp()
    return args.sequenceSet()
  }),
  async run(session, set) {
    session.assertWritable()
    const { selectedView } = session
    const among = positionsOfUids(set, selectedView, selectedView.saved)
    const { now, held } = await session.selectedNow('re')
    const limited = limitUids(session, deletedUids(selectedView, now, among))
    return completeLimited(session, limited, { expunged: await expungeUids(session, held, limited.messages) })
  },
})

/** Removes what is marked \Deleted of all that there is now. True where any is gone. */
export async function expungeDeleted(session: ImapSession): Promise<boolean> {
  const { now, held } = await session.selectedNow('re')
  return expungeUids(session, held, deletedUids(session.selectedView, now, undefined))
}

/** The commit looks once more whether each is still marked. */
async function expungeUids(session: ImapSession, held: HeldMailbox, uids: readonly Uid[]): Promise<boolean> {
  const { account, mailbox } = placeOf(held)
  let any = false
  using progress = new Progress(session, uids.length)
  for (let at = 0; at < uids.length; at += pageSize) {
    progress.done = at
    const page = uids.slice(at, at + pageSize)
    const gone = await session.mailboxes.write([held], (tx) =>
      expungeMessages(tx, account, mailbox, page, { onlyDeleted: true }),
    )
    any ||= gone.length > 0
  }
  return any
}

function deletedUids(view: SessionView, now: MailboxView, among: Positions | undefined): readonly Uid[] {
  const uids: number[] = []
  if (among === undefined) {
    for (let i = 0; i < now.count; i++) if (now.flagsAt(i).deleted) uids.push(now.uids.at(i))
    return uids as Uid[]
  }
  const locate = view.locator(now)
  for (const position of eachPosition(among)) {
    const index = locate(position)
    if (index !== -1 && now.flagsAt(index).deleted) uids.push(now.uids.at(index))
  }
  return uids as Uid[]
}
