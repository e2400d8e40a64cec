/** The moment at which a client learns what others did to its mailbox: at the end of commands, and in IDLE. */
import { flagRights } from '#mail/rights.ts'
import { writeFlags } from './permanent-flags.ts'
import type { ImapSession } from './session.ts'

/** Tells the client what is new in the selected mailbox, and what it may do there if that changed. */
export async function showChanges(session: ImapSession, expunges: boolean): Promise<void> {
  const { selected } = session
  if (selected === undefined) return
  const { now, held } = await session.selectedNow('r')
  selected.show(session.out, now, { expunges })
  const before = flagRights(selected.toldRights)
  const may = flagRights(held.rights)
  // RFC 4314 §5.1.1
  if (before.seen !== may.seen || before.deleted !== may.deleted || before.others !== may.others)
    writeFlags(session, now, { isReadOnly: selected.isReadOnly, may })
  selected.toldRights = held.rights
  const full = session.out.room()
  if (full !== undefined) await full
}
