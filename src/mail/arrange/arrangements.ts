/**
 * What was found out about all messages of a mailbox and holds until one comes or goes: their order by what they
 * say (SORT) and their threads (THREAD). Kept with the mailbox's columns, so that it is given up with them.
 */
import { type Column, sharedChunks } from '../column.ts'

export type SortKey =
  | 'arrival'
  | 'cc'
  | 'date'
  | 'displayfrom'
  | 'displayto'
  | 'from'
  | 'size'
  | 'subject'
  | 'to'

/**
 * Nodes below `count` are places among indexes; the others, which are only roots, stand for messages that are not there,
 * and have two children at least.
 */
export interface ThreadTree {
  readonly count: number
  /** In order, as are the children of every node. */
  readonly roots: readonly number[]
  /** Of each node the first child and the next sibling; -1 for none. Roots are nobody's siblings. */
  readonly firstChildren: Int32Array
  readonly nextSiblings: Int32Array
}

export interface Arranged {
  /** By the index of each message: equal where they are the same, ascending in the order of the key. */
  readonly ranks: Map<SortKey, Uint32Array>
  /** By the name of the algorithm, of trees whose places are all indexes. */
  readonly trees: Map<string, ThreadTree>
}

const rankBytes = 4
/** Two links, and a root at most. */
const nodeBytes = 16

export class Arrangements {
  #ids: Column<Float64Array> | undefined
  #kept: Arranged = { ranks: new Map(), trees: new Map() }

  /** Of the messages with these ids; what was kept of others is forgotten. */
  of(ids: Column<Float64Array>): Arranged {
    if (this.#ids === undefined || !isSame(this.#ids, ids))
      this.#kept = { ranks: new Map(), trees: new Map() }
    this.#ids = ids
    return this.#kept
  }

  get sizeBytes(): number {
    const { ranks, trees } = this.#kept
    let bytes = 0
    for (const ranking of ranks.values()) bytes += rankBytes * ranking.length
    for (const { firstChildren } of trees.values()) bytes += nodeBytes * firstChildren.length
    return bytes
  }
}

/** Where flags have changed, the columns are others and their chunks of ids are not. */
const isSame = (a: Column<Float64Array>, b: Column<Float64Array>): boolean =>
  a === b || (a.count === b.count && sharedChunks(a, b).head === a.chunks.length)
