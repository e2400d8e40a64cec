/** EXPUNGE and UID EXPUNGE: messages marked \Deleted are removed; the loop then tells so. */
import type { Uid } from '#base/id.ts'
import { expungeMessages } from '#mail/expunge.ts'
import { command, noArguments, whole } from '../command.ts'
import type { Arguments } from '../grammar.ts'
import { eachPosition, type Positions, positionsOfUids, type SequenceSet } from '../sequence-set.ts'
import type { ImapSession } from '../session.ts'

/** Messages in one commit. */
const pageSize = 1000

export const expunge = command({
  name: 'EXPUNGE',
  states: ['selected'],
  standard: 'RFC 9051 §6.4.3',
  parse: noArguments,
  async run(session) {
    session.assertWritable()
    await expungeDeleted(session, undefined)
  },
})

export const uidExpunge = command<SequenceSet>({
  name: 'UID EXPUNGE',
  states: ['selected'],
  standard: 'RFC 9051 §6.4.9',
  parse: whole((args: Arguments) => {
    args.sp()
    return args.sequenceSet()
  }),
  async run(session, set) {
    session.assertWritable()
    const { selectedView } = session
    await expungeDeleted(session, positionsOfUids(set, selectedView, selectedView.saved))
  },
})

/**
 * Removes what is marked \Deleted, among the messages at these positions or, where undefined, of all that there
 * are now. The commit looks once more whether each is still marked.
 */
export async function expungeDeleted(session: ImapSession, among: Positions | undefined): Promise<void> {
  const { mailbox } = session.selectedView
  const account = session.accountId
  const uids = await deletedUids(session, among)
  for (let at = 0; at < uids.length; at += pageSize) {
    const page = uids.slice(at, at + pageSize)
    await session.services.db.write(
      [account],
      (tx) => expungeMessages(tx, account, mailbox, page, { onlyDeleted: true }),
      { origin: session.id },
    )
  }
}

async function deletedUids(session: ImapSession, among: Positions | undefined): Promise<readonly Uid[]> {
  const now = await session.selectedNow()
  const uids: number[] = []
  if (among === undefined) {
    for (let i = 0; i < now.count; i++) if (now.flagsAt(i).deleted) uids.push(now.uids.at(i))
    return uids as Uid[]
  }
  const locate = session.selectedView.locator(now)
  for (const position of eachPosition(among)) {
    const index = locate(position)
    if (index !== -1 && now.flagsAt(index).deleted) uids.push(now.uids.at(index))
  }
  return uids as Uid[]
}
