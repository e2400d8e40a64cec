/**
 * What the emails of an account were like before their last changes, for as long as it is remembered: a result of
 * a query can then be compared with what it was.
 */
import type { Modseq } from '#base/id.ts'

/** Changes that are remembered. */
const mostChanges = 8192

/** What one update of the columns changed: slots, and what they had before. */
export interface EmailChanges {
  readonly from: Modseq
  readonly to: Modseq
  readonly slots: readonly number[]
  readonly keywords: readonly number[]
  readonly places: readonly number[]
}

export class EmailHistory {
  #from: Modseq
  #changes: EmailChanges[] = []
  #count = 0

  /** All changes after `from` are going to be added. */
  constructor(from: Modseq) {
    this.#from = from
  }

  get sizeBytes(): number {
    return 24 * this.#count + 100 * this.#changes.length
  }

  add(changes: EmailChanges): void {
    this.#changes.push(changes)
    this.#count += changes.slots.length
    let forgotten = 0
    while (this.#count > mostChanges) {
      const oldest = this.#changes[forgotten++]!
      this.#count -= oldest.slots.length
      this.#from = oldest.to
    }
    if (forgotten > 0) this.#changes = this.#changes.slice(forgotten)
  }

  /**
   * Brings columns of the commit `at` back to an earlier one, and returns the slots that are different or may be;
   * undefined, with nothing done, where it is not known what was then.
   */
  undo(
    at: Modseq,
    since: Modseq,
    columns: { readonly keywords: Uint32Array; readonly places: Uint32Array },
  ): ReadonlySet<number> | undefined {
    if (since < this.#from || since > at) return undefined
    const undone = this.#changes.filter(({ to }) => to > since && to <= at)
    // Several commits were followed at once: what was between them is not known.
    if (undone.some(({ from }) => from < since)) return undefined
    const slots = new Set<number>()
    for (const changes of undone.toReversed()) {
      for (const [i, slot] of changes.slots.entries()) {
        columns.keywords[slot] = changes.keywords[i]!
        columns.places[slot] = changes.places[i]!
        slots.add(slot)
      }
    }
    return slots
  }
}
