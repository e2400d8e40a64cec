/**
 * Which messages a client that was away must hear of as gone: VANISHED (EARLIER) (RFC 7162 §3.2.5, §3.2.6).
 *
 * The log of expunged UIDs says exactly those; where it was cut, all that the mailbox could have had and does not
 * have. Work and memory follow what was expunged, the messages there are and the ranges written, never the
 * distance between two UIDs.
 */
import type { Modseq } from '#base/id.ts'
import { expungedSince } from '#kv/change-log.ts'
import type { Db } from '#kv/db.ts'
import type { MailboxView } from '#mail/mailbox-view.ts'
import type { Place } from '#mail/mailbox-row.ts'
import { merge, type Numbered, pairUp, type Positions, star } from '../wire/sequence-set.ts'

/** Of the UIDs of a mailbox, ascending, as pairs of first and last that neither touch nor overlap. */
export type UidRanges = Positions

/** What a set stands for among all UIDs that the mailbox ever gave out, from `first` on. */
export function everGiven(ranges: readonly number[], now: MailboxView, first = 1): UidRanges {
  const last = now.uidNext - 1
  const pairs: number[] = []
  for (let i = 0; i < ranges.length; i += 2) {
    const a = ranges[i]! === star ? last : ranges[i]!
    const b = ranges[i + 1]! === star ? last : ranges[i + 1]!
    const from = Math.max(first, Math.min(a, b))
    const to = Math.min(last, Math.max(a, b))
    if (from <= to) pairs.push(from, to)
  }
  return merge(pairs)
}

/**
 * The UIDs among those asked for that were expunged after `since`. Messages that the client still counts
 * (`counted`) are left out: it hears of them in another way.
 */
export async function vanishedSince(
  db: Db,
  { account, mailbox }: Place,
  o: { asked: UidRanges; since: Modseq; now: MailboxView; counted: Numbered },
): Promise<UidRanges> {
  // Also where the log was cut: nothing happened in this mailbox.
  if (o.since >= o.now.highestModseq) return []
  const expunged = await db.read((tx) => expungedSince(tx, account, mailbox, o.since))
  return expunged === 'tooOld' ? missing(o) : pairUp(among(expunged, o))
}

/** The log is read later than the mailbox was: what is still there in `now` is told when it is not. */
function* among(
  expunged: readonly number[],
  { asked, now, counted }: { asked: UidRanges; now: MailboxView; counted: Numbered },
): Generator<number, void, void> {
  let at = 0
  for (const uid of expunged) {
    while (at < asked.length && asked[at + 1]! < uid) at += 2
    if (at === asked.length) return
    if (uid >= asked[at]! && now.indexOfUid(uid) === -1 && !has(counted, uid)) yield uid
  }
}

/** Every gap between the messages. */
function missing(o: { asked: UidRanges; now: MailboxView; counted: Numbered }): UidRanges {
  const gaps: number[] = []
  for (let i = 0; i < o.asked.length; i += 2) {
    let from = o.asked[i]!
    const to = o.asked[i + 1]!
    for (const uid of present(o.now, o.counted, from, to)) {
      if (uid > from) gaps.push(from, uid - 1)
      from = uid + 1
    }
    if (from <= to) gaps.push(from, to)
  }
  return gaps
}

/** UIDs of either, ascending. */
function* present(
  now: MailboxView,
  counted: Numbered,
  from: number,
  to: number,
): Generator<number, void, void> {
  let index = now.firstNotBefore(from)
  let position = counted.lowerBound(from)
  for (;;) {
    const a = index < now.count ? now.uids.at(index) : Number.POSITIVE_INFINITY
    const b = position < counted.count ? counted.uidAt(position) : Number.POSITIVE_INFINITY
    const uid = Math.min(a, b)
    if (uid > to) return
    yield uid
    if (a === uid) index++
    if (b === uid) position++
  }
}

function has(view: Numbered, uid: number): boolean {
  const position = view.lowerBound(uid)
  return position < view.count && view.uidAt(position) === uid
}
