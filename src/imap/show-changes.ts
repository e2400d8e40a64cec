/** The moment at which a client learns what others did to its mailbox: at the end of commands, and in IDLE. */
import { flagRights } from '#mail/rights.ts'
import { writeFlags } from './permanent-flags.ts'
import type { ImapSession } from './session.ts'

/**
 * Tells the client what is new in the selected mailbox, and what it may do there if that changed. True where it
 * was told of messages that are gone.
 */
export async function showChanges(session: ImapSession, expunges: boolean): Promise<boolean> {
  const { selected, isCondstore, isQresync } = session
  if (selected === undefined) return false
  const { now, held } = await session.selectedNow('r')
  selected.contexts.tellGone(session, now)
  const toldGone = selected.show(session.out, now, { expunges, isCondstore, isQresync })
  // RFC 7162 §3.2: what the client is told with a higher MODSEQ than an EXPUNGE that waits may not hide that.
  if (isCondstore && selected.hidesGone) session.tellHighestModseq()
  const before = flagRights(selected.toldRights)
  const may = flagRights(held.rights)
  // RFC 4314 §5.1.1
  if (before.seen !== may.seen || before.deleted !== may.deleted || before.others !== may.others)
    writeFlags(session, now, { isReadOnly: selected.isReadOnly, may })
  selected.toldRights = held.rights
  if (session.isKeyNew) session.tellUrlMechanisms()
  session.isKeyNew = false
  await selected.contexts.tellChanged(session, now, held)
  const full = session.out.room()
  if (full !== undefined) await full
  return toldGone
}
