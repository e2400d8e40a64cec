/**
 * Columns of numbers that never change, kept in chunks, so that the next version of a column shares all chunks
 * in which nothing is different with the last one.
 *
 * What must always hold: of a chunk, a column sees only the elements that its layout counts, and those never
 * change; behind them the owner may append. So two columns that have the same chunk have the same numbers as
 * far as both see it, and whoever compares two columns can pass over it.
 */

export type Chunk = Uint32Array | Float64Array

/** How many elements of each chunk belong to the columns of one version. */
export class Layout {
  /** Where each chunk begins, and after the last where it ends. */
  readonly starts: Uint32Array
  /** The chunk asked for last: most who read go through a column in order. */
  #near = 0

  constructor(lengths: readonly number[]) {
    const starts = new Uint32Array(lengths.length + 1)
    for (let i = 0; i < lengths.length; i++) starts[i + 1] = starts[i]! + lengths[i]!
    this.starts = starts
  }

  get count(): number {
    return this.starts[this.starts.length - 1]!
  }

  get chunks(): number {
    return this.starts.length - 1
  }

  lengthOf(chunk: number): number {
    return this.starts[chunk + 1]! - this.starts[chunk]!
  }

  /** The chunk that has the element with this index, which must be below `count`. */
  chunkOf(index: number): number {
    const { starts } = this
    const near = this.#near
    if (index >= starts[near]! && index < starts[near + 1]!) return near
    let low = 0
    let high = starts.length - 1
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      if (starts[middle]! <= index) low = middle
      else high = middle
    }
    this.#near = low
    return low
  }
}

export class Column<A extends Chunk> {
  readonly chunks: readonly A[]
  readonly layout: Layout

  constructor(chunks: readonly A[], layout: Layout) {
    this.chunks = chunks
    this.layout = layout
  }

  get count(): number {
    return this.layout.count
  }

  /** The index must be below `count`. */
  at(index: number): number {
    const { layout } = this
    const chunk = layout.chunkOf(index)
    return this.chunks[chunk]![index - layout.starts[chunk]!]!
  }

  /** Of an ascending column the index of the first element that is not below this one; `count` if all are. */
  lowerBound(value: number): number {
    const { chunks, layout } = this
    let low = 0
    let high = chunks.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (chunks[middle]![layout.lengthOf(middle) - 1]! < value) low = middle + 1
      else high = middle
    }
    if (low === chunks.length) return layout.count
    return layout.starts[low]! + lowerBound(chunks[low]!, layout.lengthOf(low), value)
  }

  *[Symbol.iterator](): Generator<number, void, void> {
    for (const [i, chunk] of this.chunks.entries()) {
      const length = this.layout.lengthOf(i)
      for (let at = 0; at < length; at++) yield chunk[at]!
    }
  }
}

/** A column of one chunk. */
export function columnOf<A extends Chunk>(numbers: A): Column<A> {
  return numbers.length === 0
    ? new Column<A>([], new Layout([]))
    : new Column([numbers], new Layout([numbers.length]))
}

/** In the first `length` elements of an ascending chunk, the index of the first that is not below this one. */
export function lowerBound(chunk: Chunk, length: number, value: number): number {
  let low = 0
  let high = length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (chunk[middle]! < value) low = middle + 1
    else high = middle
  }
  return low
}

/** How many chunks two columns share at the beginning, and behind those at the end. */
export function sharedChunks<A extends Chunk>(a: Column<A>, b: Column<A>): { head: number; tail: number } {
  const isSame = (i: number, j: number): boolean =>
    a.chunks[i] === b.chunks[j] && a.layout.lengthOf(i) === b.layout.lengthOf(j)
  const most = Math.min(a.chunks.length, b.chunks.length)
  let head = 0
  while (head < most && isSame(head, head)) head++
  let tail = 0
  while (tail < most - head && isSame(a.chunks.length - 1 - tail, b.chunks.length - 1 - tail)) tail++
  return { head, tail }
}
