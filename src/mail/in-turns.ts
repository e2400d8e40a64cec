/** Work on lists so long that everybody else must have a turn meanwhile. */
import { setImmediate as nextTurn } from 'node:timers/promises'

/** In one turn: a few milliseconds. */
const turnElements = 8192

/** Calls `work` with each number from 0 to before `count`. */
export async function eachInTurns(
  count: number,
  work: (i: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  for (let from = 0; from < count; from += turnElements) {
    if (from > 0) await nextTurn()
    signal?.throwIfAborted()
    const end = Math.min(from + turnElements, count)
    for (let i = from; i < end; i++) work(i)
  }
}

/** The numbers from 0 to before `count`, in order; those that compare as equal in that of the numbers. */
export async function sortInTurns(
  count: number,
  compare: (a: number, b: number) => number,
  signal?: AbortSignal,
): Promise<Uint32Array> {
  let runs = Uint32Array.from({ length: count }, (_, i) => i)
  for (let from = 0; from < count; from += turnElements) {
    if (from > 0) await nextTurn()
    signal?.throwIfAborted()
    runs.subarray(from, from + turnElements).sort((a, b) => compare(a, b) || a - b)
  }
  for (let width = turnElements; width < count; width *= 2) {
    const merged = new Uint32Array(count)
    let [left, right] = [0, width]
    for (let at = 0; at < count; at++) {
      if (at % turnElements === 0) {
        await nextTurn()
        signal?.throwIfAborted()
      }
      // The left run has the lower numbers.
      const start = at - (at % (2 * width))
      if (at === start) [left, right] = [start, start + width]
      const isLeft =
        left < Math.min(start + width, count) &&
        (right >= Math.min(start + 2 * width, count) || compare(runs[left]!, runs[right]!) <= 0)
      merged[at] = isLeft ? runs[left++]! : runs[right++]!
    }
    runs = merged
  }
  return runs
}
