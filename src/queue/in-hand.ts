/**
 * Which recipients the manager has in hand: under way, waiting in memory for their turn, or about to be put off.
 *
 * What must always hold: nobody else begins with a recipient that is in hand, nor with one that was when its row
 * was read: that row is as it was before.
 */
import type { QueueId } from './tables.ts'

type State = 'waiting' | 'trying'

export class InHand {
  readonly #states = new Map<QueueId, Map<number, State>>()
  /** Those let go of since the last `remember`. */
  #ended: Map<QueueId, Set<number>> | undefined

  /** From now on `has` knows those too that are let go of. To be called before rows are read. */
  remember(): void {
    this.#ended = new Map()
  }

  /** Nothing is read any more. */
  forget(): void {
    this.#ended = undefined
  }

  has(id: QueueId, n: number): boolean {
    return this.#states.get(id)?.has(n) === true || this.#ended?.get(id)?.has(n) === true
  }

  isTrying(id: QueueId, n: number): boolean {
    return this.#states.get(id)?.get(n) === 'trying'
  }

  take(id: QueueId, numbers: readonly number[], state: State): void {
    let states = this.#states.get(id)
    if (states === undefined) this.#states.set(id, (states = new Map()))
    for (const n of numbers) states.set(n, state)
  }

  release(id: QueueId, numbers: readonly number[]): void {
    const states = this.#states.get(id)
    for (const n of numbers) states?.delete(n)
    if (states?.size === 0) this.#states.delete(id)
    if (this.#ended === undefined) return
    const ended = this.#ended.get(id)
    if (ended === undefined) this.#ended.set(id, new Set(numbers))
    else for (const n of numbers) ended.add(n)
  }
}
