/**
 * Searches of the selected mailbox whose results the client is kept informed of (RFC 5267 §4.3), and these results as
 * it knows them. What joins and leaves them is found and told by `../search/search-context.ts`.
 */
import type { MailboxView } from '#mail/mailbox-view.ts'
import type { SearchCriteria } from '#mail/search/criteria.ts'
import type { FetchItem } from '../fetch/fetch-items.ts'
import type { SortedResult } from './sorted-result.ts'

/** What all results of a session may have, beyond the first one, which every client may have (RFC 5267 §4.3.1). */
const maxRemembered = 1_000_000

/** To which search an ESEARCH response belongs (RFC 4466 §2.6.2), and where that was (RFC 7377 §2.1). */
export interface Correlator {
  readonly tag: string
  readonly mailbox?: { readonly path: string; readonly uidValidity: number }
}

export interface SearchContext {
  readonly correlator: Correlator
  readonly byUid: boolean
  readonly criteria: SearchCriteria
  /** What is told of new messages that join it (RFC 5465 §7). */
  readonly fetch: readonly FetchItem[]
  /** Nothing that happens to a message makes it meet the criteria, or no longer meet them. */
  readonly isFixed: boolean
  /** The result as the client knows it: UIDs, ascending. */
  uids: Uint32Array
  /** The same in the order of a SORT. */
  readonly sorted: SortedResult | undefined
}

/** Of one selection: they end with it. */
export class SearchContexts {
  readonly #byTag = new Map<string, SearchContext>()
  #modseq = 0
  #lastUid = 0

  get size(): number {
    return this.#byTag.size
  }

  /** Up to here all results are true of the mailbox. */
  get modseq(): number {
    return this.#modseq
  }

  /** Messages behind it are in no result. */
  get lastUid(): number {
    return this.#lastUid
  }

  values(): Iterable<SearchContext> {
    return this.#byTag.values()
  }

  has(tag: string): boolean {
    return this.#byTag.has(tag)
  }

  /** A result that is true up to a MODSEQ and a UID; at most so many. False where there can be no more. */
  add(context: SearchContext, upTo: { modseq: number; lastUid: number }, most: number): boolean {
    let remembered = context.uids.length
    for (const { uids } of this.#byTag.values()) remembered += uids.length
    const { size } = this
    if (size > 0 && (size >= most || remembered > maxRemembered)) return false
    this.#byTag.set(context.correlator.tag, context)
    // Results that are older than they need to be are only looked at once more.
    if (size > 0) return true
    this.#modseq = upTo.modseq
    this.#lastUid = upTo.lastUid
    return true
  }

  /** False where there is none. */
  cancel(tag: string): boolean {
    return this.#byTag.delete(tag)
  }

  /** All results are true of the mailbox as it is now. */
  follow(now: MailboxView): void {
    this.#modseq = now.highestModseq
    if (now.count > 0) this.#lastUid = Math.max(this.#lastUid, now.uids.at(now.count - 1))
  }
}
