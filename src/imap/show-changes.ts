/** The moment at which a client learns what others did to its mailbox: at the end of commands, and in IDLE. */
import type { ImapSession } from './session.ts'

/** Tells the client what is new in the selected mailbox. */
export async function showChanges(session: ImapSession, expunges: boolean): Promise<void> {
  if (session.selected === undefined) return
  session.selected.show(session.out, await session.selectedNow(), { expunges })
  const full = session.out.room()
  if (full !== undefined) await full
}
