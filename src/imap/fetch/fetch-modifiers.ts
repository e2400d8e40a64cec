/**
 * What may follow the items of FETCH in parentheses (RFC 4466 §2.4): CHANGEDSINCE and VANISHED (RFC 7162), PARTIAL
 * (RFC 9394).
 */
import type { Modseq } from '#base/id.ts'
import type { Arguments } from '../wire/grammar.ts'
import { partialRange, type PartialRange } from '../wire/partial-range.ts'

export interface FetchModifiers {
  /** RFC 7162 §3.1.4.1: only messages that changed after this. */
  readonly changedSince?: Modseq
  /** RFC 7162 §3.2.6: tell the UIDs among those asked for that are gone since then. */
  readonly vanished?: true
  /** RFC 9394 §3.3: only this part of the messages; of that, those that CHANGEDSINCE leaves (§3.4). */
  readonly partial?: PartialRange
}

/** A space and the modifiers, or nothing. `mayVanish`: it is UID FETCH, and QRESYNC is enabled. */
export function readFetchModifiers(args: Arguments, mayVanish: boolean): FetchModifiers {
  if (args.atEnd) return {}
  args.sp()
  args.open()
  const found: { changedSince?: Modseq; vanished?: true; partial?: PartialRange } = {}
  do {
    const name = args.word()
    if (name === 'CHANGEDSINCE' && found.changedSince === undefined) {
      args.sp()
      found.changedSince = args.modSequence()
    } else if (name === 'PARTIAL' && found.partial === undefined) {
      args.sp()
      found.partial = partialRange(args)
    } else if (name === 'VANISHED' && mayVanish) found.vanished = true
    else args.fail('no such modifier here')
  } while (args.take(0x20))
  args.close()
  if (found.vanished && found.changedSince === undefined) args.fail('VANISHED needs CHANGEDSINCE')
  return found
}
