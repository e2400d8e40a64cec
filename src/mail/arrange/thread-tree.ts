/** Messages in threads (RFC 5256 §4, THREAD response), by the places that they have among the indexes of a selection. */
import { eachInTurns } from '../in-turns.ts'
import type { Selection } from './stored-structures.ts'
import type { ThreadTree } from './arrangements.ts'

/** The tree of a selection by an algorithm; that of a whole mailbox is kept. */
export async function keptTree(
  { view, indexes }: Pick<Selection, 'view' | 'indexes'>,
  algorithm: string,
  arrange: () => Promise<ThreadTree>,
): Promise<ThreadTree> {
  if (indexes.length < view.count) return arrange()
  const known = view.arranged.trees.get(algorithm)
  if (known !== undefined) return known
  const tree = await arrange()
  view.arranged.trees.set(algorithm, tree)
  return tree
}

/**
 * The tree in which siblings stand in the order of places, a dummy as its first child would.
 * `parentOf` a place is a place or a dummy, counted from `count`; -1 for a root.
 */
export async function threadTree(
  order: Uint32Array,
  dummies: number,
  parentOf: (place: number) => number,
  signal?: AbortSignal,
): Promise<ThreadTree> {
  const count = order.length
  const roots: number[] = []
  const firstChildren = new Int32Array(count + dummies).fill(-1)
  const lastChildren = new Int32Array(count + dummies).fill(-1)
  const nextSiblings = new Int32Array(count + dummies).fill(-1)
  const hang = (place: number): void => {
    const parent = parentOf(place)
    if (parent === -1) {
      roots.push(place)
      return
    }
    const last = lastChildren[parent]!
    lastChildren[parent] = place
    if (last !== -1) nextSiblings[last] = place
    else {
      firstChildren[parent] = place
      if (parent >= count) roots.push(parent)
    }
  }
  await eachInTurns(count, (i) => hang(order[i]!), signal)
  return { count, roots, firstChildren, nextSiblings }
}
