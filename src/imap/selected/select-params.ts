/** What may follow the name in SELECT and EXAMINE (RFC 4466 §2.1): CONDSTORE and QRESYNC (RFC 7162 §7). */
import { uidRequired } from '../errors.ts'
import type { Modseq } from '#base/id.ts'
import type { Arguments } from '../wire/grammar.ts'
import type { ImapSession } from '../session/session.ts'

/** What a client knows of the mailbox from before. */
export interface Resync {
  readonly uidValidity: number
  readonly modseq: Modseq
  /** Undefined for all that there are. */
  readonly uids: readonly number[] | undefined
  /** Some of the message numbers it knew, and their UIDs. */
  readonly match: SequenceMatch | undefined
}

/** Both ascending, and as many of one as of the other: pairs of first and last. */
export interface SequenceMatch {
  readonly numbers: readonly number[]
  readonly uids: readonly number[]
}

export interface SelectParameters {
  readonly condstore: boolean
  readonly qresync: Resync | undefined
}

/** A space and the parameters, or nothing. */
export function readSelectParameters(args: Arguments, session: ImapSession): SelectParameters {
  const found: { condstore: boolean; qresync: Resync | undefined } = { condstore: false, qresync: undefined }
  if (args.atEnd) return found
  args.sp()
  args.open()
  do {
    const name = args.word()
    if (name === 'CONDSTORE') found.condstore = true
    else if (name === 'QRESYNC' && found.qresync === undefined) {
      // RFC 7162 §3.2.5: BAD, and the mailbox is not selected.
      if (!session.isQresync) args.fail('QRESYNC must be enabled first')
      found.qresync = readResync(args)
      if (session.isUidOnly && found.qresync.match !== undefined) throw uidRequired()
    } else args.fail('unknown parameter')
  } while (args.take(0x20))
  args.close()
  return found
}

function readResync(args: Arguments): Resync {
  args.sp()
  args.open()
  const uidValidity = args.nzNumber()
  args.sp()
  const modseq = args.modSequence()
  let uids: readonly number[] | undefined
  let match: SequenceMatch | undefined
  if (args.take(0x20)) {
    if (args.peek() !== 0x28) uids = args.plainSet()
    if (uids === undefined || args.take(0x20)) match = readMatch(args)
  }
  args.close()
  return { uidValidity, modseq, uids, match }
}

function readMatch(args: Arguments): SequenceMatch {
  args.open()
  const numbers = readAscending(args)
  args.sp()
  const uids = readAscending(args)
  args.close()
  if (countOf(numbers) !== countOf(uids)) args.fail('not as many UIDs as message numbers')
  return { numbers, uids }
}

function readAscending(args: Arguments): readonly number[] {
  const ranges = args.plainSet()
  for (let i = 0; i < ranges.length; i += 2)
    if (ranges[i]! > ranges[i + 1]! || ranges[i]! <= (ranges[i - 1] ?? 0))
      args.fail('expected ascending numbers')
  return ranges
}

function countOf(ranges: readonly number[]): number {
  let count = 0
  for (let i = 0; i < ranges.length; i += 2) count += ranges[i + 1]! - ranges[i]! + 1
  return count
}
