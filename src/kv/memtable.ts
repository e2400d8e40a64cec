/**
 * Committed rows in memory, by version: what the memory engine is, and what lies over an embedded engine
 * until its next checkpoint.
 *
 * A version is the number of the commit group that wrote it. A reader at version v sees of each key the last
 * value written at or before v. Versions that no open reader can see are dropped as new ones come. Keys are
 * Latin-1 text, whose order is the order of the bytes; they lie in buckets by their first six bytes (one
 * letter of one account, or a slice of the rest), so that inserting moves little and a range looks only where
 * it must.
 */
interface Version {
  readonly group: number
  /** undefined: deleted. */
  readonly value: Uint8Array | undefined
  /** What was there before, as long as a reader may see it. */
  older: Version | undefined
}

interface Readers {
  version: number
  open: number
}

interface Bucket {
  /** Sorted; what came since somebody last went through them is in `added`. */
  readonly keys: string[]
  readonly added: string[]
  /** The newest version of each key. */
  readonly rows: Map<string, Version>
}

const bucketChars = 6

export class Memtable {
  readonly #names: string[] = []
  readonly #buckets = new Map<string, Bucket>()
  /**
   * Open readers by version, ascending, since versions only rise. A version that nobody reads any more goes with those
   * before it; the last one stays, for the next reader to enter. No Map, for the reason that `Lru` has.
   */
  readonly #readers: Readers[] = []
  #bytes = 0
  /** The newest group of any version. */
  #last = 0

  /** Roughly what the rows take, counting overwritten versions. */
  get bytes(): number {
    return this.#bytes
  }

  get isEmpty(): boolean {
    return this.#names.length === 0
  }

  /** Until the matching `leave`, what a reader at this version sees is kept. */
  enter(version: number): void {
    const last = this.#readers.at(-1)
    if (last === undefined || (last.open > 0 && last.version !== version))
      this.#readers.push({ version, open: 1 })
    else {
      last.version = version
      last.open++
    }
  }

  leave(version: number): void {
    const readers = this.#readers
    readers.find((one) => one.version === version)!.open--
    while (readers.length > 1 && readers[0]!.open === 0) readers.shift()
  }

  /** `group` never falls from one call to the next. */
  set(text: string, value: Uint8Array | undefined, group: number): void {
    const bucket = this.#bucket(text.slice(0, bucketChars))
    this.#bytes += weightOf(text, value)
    this.#last = group
    const before = bucket.rows.get(text)
    if (before === undefined) bucket.added.push(text)
    bucket.rows.set(text, { group, value, older: before && this.#visible(before, group) })
  }

  /** Of what was there before a new version of this group, that which readers may see. */
  #visible(before: Version, group: number): Version | undefined {
    const oldest = this.#readers[0]
    if (oldest === undefined || oldest.open === 0 || oldest.version >= group) return undefined
    const newest = before.group === group ? before.older : before
    let last = newest
    while (last !== undefined && last.group > oldest.version) last = last.older
    if (last !== undefined) last.older = undefined
    return newest
  }

  /** The value at a version; null where the key was deleted, undefined where nothing is known of it. */
  get(text: string, version: number): Uint8Array | null | undefined {
    return valueAt(this.#buckets.get(text.slice(0, bucketChars))?.rows.get(text), version)
  }

  /**
   * What is known of the keys with `from <= key < to`, in order or from the end: value, or null where deleted.
   * Looks only as far as it is asked; nothing may be set meanwhile.
   */
  *range(
    from: string,
    to: string,
    version: number,
    reverse: boolean,
  ): Generator<[key: string, value: Uint8Array | null]> {
    for (const name of slice(this.#names, from.slice(0, bucketChars), to, reverse)) {
      const bucket = this.#buckets.get(name)!
      for (const key of slice(sorted(bucket), from, to, reverse)) {
        const value = valueAt(bucket.rows.get(key), version)
        if (value !== undefined) yield [key, value]
      }
    }
  }

  /** Takes back what was set at this group, the last one. A reader must have kept what was there before. */
  forget(group: number): void {
    this.#filter((version) => version.group !== group)
    this.#last = group - 1
  }

  /** The newest state of every key, in order: value, or null where deleted. */
  *newest(): Generator<[key: string, value: Uint8Array | null]> {
    for (const name of this.#names) {
      const bucket = this.#buckets.get(name)!
      for (const key of sorted(bucket)) yield [key, bucket.rows.get(key)!.value ?? null]
    }
  }

  /** Forgets versions up to and including this group, which is now below. No reader may still need them. */
  drop(group: number): void {
    if (group < this.#last) this.#filter((version) => version.group > group)
    else {
      this.#buckets.clear()
      this.#names.length = 0
      this.#bytes = 0
    }
  }

  #filter(isKept: (version: Version) => boolean): void {
    this.#bytes = 0
    for (const [name, bucket] of this.#buckets) {
      const keys = sorted(bucket)
      let kept = 0
      for (const key of keys) {
        const newest = only(bucket.rows.get(key), isKept)
        if (newest === undefined) bucket.rows.delete(key)
        else {
          bucket.rows.set(key, newest)
          keys[kept++] = key
          for (let at: Version | undefined = newest; at !== undefined; at = at.older)
            this.#bytes += weightOf(key, at.value)
        }
      }
      keys.length = kept
      if (kept === 0) this.#buckets.delete(name)
    }
    let kept = 0
    for (const name of this.#names) if (this.#buckets.has(name)) this.#names[kept++] = name
    this.#names.length = kept
  }

  #bucket(name: string): Bucket {
    let bucket = this.#buckets.get(name)
    if (bucket === undefined) {
      this.#buckets.set(name, (bucket = { keys: [], added: [], rows: new Map() }))
      insert(this.#names, name)
    }
    return bucket
  }
}

const weightOf = (key: string, value: Uint8Array | undefined): number =>
  key.length + (value?.length ?? 0) + 64

function valueAt(newest: Version | undefined, version: number): Uint8Array | null | undefined {
  for (let at = newest; at !== undefined; at = at.older) if (at.group <= version) return at.value ?? null
  return undefined
}

/** The newest of the versions that are kept, which has the others behind it. */
function only(newest: Version | undefined, isKept: (version: Version) => boolean): Version | undefined {
  let first: Version | undefined
  let last: Version | undefined
  for (let at = newest; at !== undefined; at = at.older) {
    if (!isKept(at)) continue
    if (last === undefined) first = at
    else last.older = at
    last = at
  }
  if (last !== undefined) last.older = undefined
  return first
}

/** More keys than this are sorted in together. */
const fewAdded = 16

/** All keys of a bucket in order. */
function sorted({ keys, added }: Bucket): string[] {
  if (added.length > fewAdded) {
    for (const key of added) keys.push(key)
    keys.sort()
  } else for (const key of added) insert(keys, key)
  added.length = 0
  return keys
}

/** Index of the first text that is not before this one. */
function lowerBound(sorted: readonly string[], text: string): number {
  let low = 0
  let high = sorted.length
  // Most keys come in ascending order.
  if (high > 0 && sorted[high - 1]! < text) return high
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sorted[middle]! < text) low = middle + 1
    else high = middle
  }
  return low
}

/** Those with `from <= text < to`. */
function* slice(sorted: readonly string[], from: string, to: string, reverse: boolean): Generator<string> {
  if (reverse) for (let i = lowerBound(sorted, to) - 1; i >= 0 && sorted[i]! >= from; i--) yield sorted[i]!
  else for (let i = lowerBound(sorted, from); i < sorted.length && sorted[i]! < to; i++) yield sorted[i]!
}

function insert(sorted: string[], text: string): void {
  const at = lowerBound(sorted, text)
  if (at === sorted.length) sorted.push(text)
  else sorted.splice(at, 0, text)
}
