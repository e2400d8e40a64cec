/**
 * What SELECT tells a client that knows the mailbox from before (RFC 7162 §3.2.5): which of its messages are gone,
 * and which flags changed.
 */
import { condstoreItems, writeVanished } from '../fetch/changes-response.ts'
import { writeColumns } from '../fetch/fetch-response.ts'
import { type HeldMailbox, placeOf } from '../namespace/mailbox-ref.ts'
import type { MailboxView } from '#mail/mailbox-view.ts'
import type { Resync, SequenceMatch } from './select-params.ts'
import { star } from '../wire/sequence-set.ts'
import type { ImapSession } from '../session/session.ts'
import { everGiven, vanishedSince } from '../fetch/vanished.ts'
import type { SessionView } from '../session/view.ts'

const everything = [1, star]

/** The mailbox has just been opened: `view` is as `now`. */
export async function resynchronise(
  session: ImapSession,
  resync: Resync,
  o: { held: HeldMailbox; now: MailboxView; view: SessionView },
): Promise<void> {
  const { held, now, view } = o
  // The client sees from UIDVALIDITY that nothing of what it knows holds any more.
  if (resync.uidValidity !== now.uidValidity) return
  const since = resync.modseq
  const ranges = resync.uids ?? everything
  const match = resync.match === undefined ? 0 : lastMatch(resync.match, now)
  const asked = everGiven(ranges, now, match + 1)
  const gone = await vanishedSince(session.services.db, placeOf(held), { asked, since, now, counted: view })
  const { out } = session
  writeVanished(out, gone, '(EARLIER) ')
  const known = everGiven(ranges, now)
  for (let i = 0; i < known.length; i += 2) {
    const end = now.firstNotBefore(known[i + 1]! + 1)
    for (let index = now.firstNotBefore(known[i]!); index < end; index++) {
      if (now.modseqs.at(index) <= since) continue
      writeColumns(out, index + 1, condstoreItems, now, index, session.isUidOnly)
      const full = out.room()
      if (full !== undefined) await full
    }
  }
}

/**
 * RFC 7162 §3.2.5.2: the highest UID that still has the number which the client knows. Nothing below it is gone
 * of which the client has not heard; 0 where no number holds.
 */
function lastMatch({ numbers, uids }: SequenceMatch, now: MailboxView): number {
  let last = 0
  let of = 0
  let uid = uids[0]!
  for (let i = 0; i < numbers.length; i += 2) {
    for (let number = numbers[i]!; number <= numbers[i + 1]!; number++) {
      if (number > now.count || now.uids.at(number - 1) !== uid) return last
      last = uid
      if (uid < uids[of + 1]!) uid++
      else uid = uids[(of += 2)]!
    }
  }
  return last
}
