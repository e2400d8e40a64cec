/** What may follow the items of FETCH in parentheses (RFC 4466 §2.4): CHANGEDSINCE and VANISHED (RFC 7162). */
import type { Modseq } from '#base/id.ts'
import type { Arguments } from './grammar.ts'

export interface FetchModifiers {
  /** RFC 7162 §3.1.4.1: only messages that changed after this. */
  readonly changedSince?: Modseq
  /** RFC 7162 §3.2.6: tell the UIDs among those asked for that are gone since then. */
  readonly vanished?: true
}

/** A space and the modifiers, or nothing. `mayVanish`: it is UID FETCH, and QRESYNC is enabled. */
export function readFetchModifiers(args: Arguments, mayVanish: boolean): FetchModifiers {
  if (args.atEnd) return {}
  args.sp()
  args.open()
  const found: { changedSince?: Modseq; vanished?: true } = {}
  do {
    const name = args.word()
    if (name === 'CHANGEDSINCE' && found.changedSince === undefined) {
      args.sp()
      found.changedSince = args.modSequence()
    } else if (name === 'VANISHED' && mayVanish) found.vanished = true
    else args.fail('no such modifier here')
  } while (args.take(0x20))
  args.close()
  if (found.vanished && found.changedSince === undefined) args.fail('VANISHED needs CHANGEDSINCE')
  return found
}
