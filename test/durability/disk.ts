/**
 * What is on disk after a power cut: a model that takes the events of a recording and, at any moment, writes a
 * directory as a cut would leave it. Guaranteed is only what was synced. Of everything else each block of 4 KiB
 * of each write, each truncation, and each change of a directory is there or not, by chance.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { Random } from '../harness/random.ts'
import type { TraceEvent } from './recording.ts'

const blockBytes = 4096

interface PendingChange {
  readonly at: number
  readonly offset: number
  /** undefined: the file was cut or lengthened to `offset`. */
  readonly data: Buffer | undefined
}

class FileNode {
  bytes = Buffer.alloc(0)
  size = 0
  pending: PendingChange[] = []

  /** Writes all changes that were made before this moment for good. */
  sync(since: number): void {
    let kept: PendingChange[] = []
    for (const change of this.pending) {
      if (change.at >= since) {
        kept.push(change)
        continue
      }
      this.write(change)
      // What was lost below it is of no account any more.
      const { offset, data } = change
      if (data !== undefined && kept.length > 0)
        kept = kept.flatMap((one) => withoutRange(one, offset, offset + data.length))
    }
    this.pending = kept
  }

  /** What is pending is there or not, whatever is synced later. */
  lose(): void {
    this.pending = this.pending.map((change) => ({ ...change, at: Number.POSITIVE_INFINITY }))
  }

  write({ offset, data }: Pick<PendingChange, 'offset' | 'data'>): void {
    const end = offset + (data?.length ?? 0)
    if (data === undefined) {
      this.bytes.fill(0, Math.min(offset, this.size), this.size)
      this.#grow(end)
      this.size = end
      return
    }
    this.#grow(end)
    data.copy(this.bytes, offset)
    this.size = Math.max(this.size, end)
  }

  /** A copy with what chance keeps of the unsynced changes: all blocks, none, or some. */
  afterCut(share: number, random = new Random()): Buffer {
    const copy = new FileNode()
    copy.bytes = Buffer.from(this.bytes.subarray(0, this.size))
    copy.size = this.size
    for (const { offset, data } of this.pending) {
      if (data === undefined) {
        if (random.chance(share)) copy.write({ offset, data })
        continue
      }
      for (let at = 0; at < data.length;) {
        const length = Math.min(blockBytes - ((offset + at) % blockBytes), data.length - at)
        if (random.chance(share)) copy.write({ offset: offset + at, data: data.subarray(at, at + length) })
        at += length
      }
    }
    return copy.bytes.subarray(0, copy.size)
  }

  /** A write that is on disk when it returns; what was pending below it is of no account any more. */
  writeSynced(offset: number, data: Buffer): void {
    this.pending = this.pending.flatMap((change) => withoutRange(change, offset, offset + data.length))
    this.write({ offset, data })
  }

  #grow(size: number): void {
    if (size <= this.bytes.length) return
    const larger = Buffer.alloc(Math.max(size, this.bytes.length * 2))
    this.bytes.copy(larger, 0, 0, this.size)
    this.bytes = larger
  }
}

/** What is left of a change when the bytes from `start` to `end` were written by somebody else. */
function withoutRange(change: PendingChange, start: number, end: number): PendingChange[] {
  const { at, offset, data } = change
  if (data === undefined || offset >= end || offset + data.length <= start) return [change]
  const left: PendingChange[] = []
  if (offset < start) left.push({ at, offset, data: data.subarray(0, start - offset) })
  if (offset + data.length > end) left.push({ at, offset: end, data: data.subarray(end - offset) })
  return left
}

type DiskNode = FileNode | 'directory'
type Names = Map<string, DiskNode>

interface PendingName {
  readonly at: number
  readonly directory: string
  readonly path: string
  /** undefined: the name goes. */
  readonly node: DiskNode | undefined
}

export class Disk {
  readonly #root: string
  readonly #now: Names = new Map()
  readonly #durable: Names = new Map()
  #pending: PendingName[] = []

  constructor(root: string) {
    this.#root = root
    this.#now.set(root, 'directory')
    this.#durable.set(root, 'directory')
  }

  apply(event: TraceEvent): void {
    const { at } = event
    switch (event.kind) {
      case 'sent':
        return
      case 'create':
        return this.#name(event.path, new FileNode(), at)
      case 'mkdir':
        if (event.path !== this.#root) this.#name(event.path, 'directory', at)
        return
      case 'unlink':
        return this.#name(event.path, undefined, at)
      case 'rename': {
        const node = this.#now.get(event.path)
        this.#name(event.to, node, at)
        this.#name(event.path, undefined, at)
        return
      }
      case 'truncate':
        this.#file(event.path).pending.push({ at, offset: event.size, data: undefined })
        return
      case 'write': {
        const file = this.#file(event.path)
        if (event.isSynced) file.writeSynced(event.offset, event.data)
        else file.pending.push({ at, offset: event.offset, data: event.data })
        return
      }
      case 'sync':
        return this.#sync(event.path, event.since)
    }
  }

  /** Whether something was written to the file and is not yet synced. */
  isDirty(path: string): boolean {
    const node = this.#now.get(path)
    return node instanceof FileNode && node.pending.length > 0
  }

  /** A sync of this file or directory failed: no later one makes durable what was written before. */
  loseUnsynced(path: string): void {
    const node = this.#now.get(path)
    if (node instanceof FileNode) return node.lose()
    this.#pending = this.#pending.map((change) =>
      change.directory === path ? { ...change, at: Number.POSITIVE_INFINITY } : change,
    )
  }

  /** The files that there are. */
  *paths(): Generator<string> {
    for (const [path, node] of this.#now) if (node instanceof FileNode) yield path
  }

  /** A file as programs see it now. */
  contentOf(path: string): Buffer {
    return this.#file(path).afterCut(1)
  }

  /** Writes to `target` what a cut at this moment leaves; `share` is the chance of each unsynced change. */
  cut(target: string, random: Random, share: number): void {
    const names: Names = new Map(this.#durable)
    for (const change of this.#pending) {
      if (!random.chance(share)) continue
      if (change.node === undefined) names.delete(change.path)
      else names.set(change.path, change.node)
    }
    // What lies in a directory that is not there is lost with it.
    const isThere = (path: string): boolean =>
      path === this.#root || (names.get(path) === 'directory' && isThere(dirname(path)))
    mkdirSync(target, { recursive: true })
    for (const [path, node] of [...names].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
      if (!isThere(dirname(path)) && path !== this.#root) continue
      const copy = join(target, relative(this.#root, path))
      if (node === 'directory') mkdirSync(copy, { recursive: true })
      else writeFileSync(copy, node.afterCut(share, random))
    }
  }

  #name(path: string, node: DiskNode | undefined, at: number): void {
    if (node === undefined) this.#now.delete(path)
    else this.#now.set(path, node)
    this.#pending.push({ at, directory: dirname(path), path, node })
  }

  #file(path: string): FileNode {
    const node = this.#now.get(path)
    if (!(node instanceof FileNode)) throw new Error(`the trace writes to ${path}, which is not there`)
    return node
  }

  #sync(path: string, since: number): void {
    const node = this.#now.get(path)
    if (node === undefined) return
    if (node instanceof FileNode) return node.sync(since)
    for (const change of this.#pending) {
      if (change.directory !== path || change.at >= since) continue
      if (change.node === undefined) this.#durable.delete(change.path)
      else this.#durable.set(change.path, change.node)
    }
    this.#pending = this.#pending.filter((change) => change.directory !== path || change.at >= since)
  }
}
