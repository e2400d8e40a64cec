/**
 * LMDB, the default engine: rows in one memory-mapped file, many reading threads, one writing thread.
 *
 * `overlappingSync: false` makes a transaction durable before it is visible, so no reader sees a row that a
 * power cut could take back. Protocol threads only read; the committer thread owns `LmdbWriter`.
 */
import { closeSync, existsSync, fsyncSync, openSync, readSync, renameSync, rmSync } from 'node:fs'
import { endianness } from 'node:os'
import { join } from 'node:path'
import { type RootDatabase, type Transaction, open } from 'lmdb'
import { asBuffer } from '#base/bytes.ts'
import {
  EngineLost,
  type KvLimits,
  type KvRow,
  type KvSnapshot,
  type StoreReader,
  type StoreWriter,
} from '../backend.ts'

/** The library's types leave out that the fast read takes a transaction. */
type Env = RootDatabase<Buffer, Buffer> & {
  getBinaryFast(key: Buffer, options?: { transaction: Transaction }): Buffer | undefined
}

/** Address space, not memory or disk; LMDB files cannot grow beyond it. */
const mapBytes = 2 ** 37

const fileOf = (directory: string): string => join(directory, 'rows.lmdb')

/** The library ends the process over a file whose first page is none, so that is looked at before. */
function openEnv(file: string): Env {
  expectFirstPages(file)
  return open<Buffer, Buffer>({
    path: file,
    noSubdir: true,
    keyEncoding: 'binary',
    encoding: 'binary',
    overlappingSync: false,
    cache: false,
    mapSize: mapBytes,
    maxReaders: 2048,
  })
}

const firstPagesBytes = 2 * 4096
const magicAt = 24
const magic = 0xbeefc0de

/** Throws where there is a file that cannot be a store. */
function expectFirstPages(file: string): void {
  if (!existsSync(file)) return
  const start = Buffer.alloc(firstPagesBytes)
  const fd = openSync(file, 'r')
  const length = readSync(fd, start, 0, start.length, 0)
  closeSync(fd)
  // An empty file is written to as a new one is.
  if (length === 0) return
  const found = endianness() === 'LE' ? start.readUInt32LE(magicAt) : start.readUInt32BE(magicAt)
  if (length < start.length || found !== magic)
    throw new Error(`${file} is damaged: it does not begin as it must`)
}

/** A new store gets its name when it is whole and on disk: a cut of power leaves no half of one. */
function createFile(directory: string): void {
  const file = fileOf(directory)
  if (existsSync(file)) return
  const unfinished = `${file}.new`
  rmSync(unfinished, { force: true })
  const env = openEnv(unfinished)
  const fd = openSync(unfinished, 'r+')
  fsyncSync(fd)
  closeSync(fd)
  void env.close()
  renameSync(unfinished, file)
  rmSync(`${unfinished}-lock`, { force: true })
}

/**
 * The value as a copy of its own: LMDB's fast read returns memory that the next read overwrites, and whose
 * `length` is a property the library sets on a larger buffer, so only explicit bounds are right.
 */
function copyOf(bytes: Buffer | undefined): Uint8Array | undefined {
  if (bytes === undefined) return undefined
  const { length } = bytes
  const copy = Buffer.allocUnsafe(length)
  bytes.copy(copy, 0, 0, length)
  return copy
}

/** Writes to `target` the rows as of the last checkpoint, whoever reads and writes them meanwhile, also another process. */
export async function copyLmdb(directory: string, target: string): Promise<void> {
  const env = openEnv(fileOf(directory))
  try {
    await env.backup(fileOf(target), false)
  } finally {
    await env.close()
  }
}

export class LmdbReader implements StoreReader {
  readonly limits: KvLimits = { keyBytes: 1978, valueBytes: 16 << 20, batchBytes: 256 << 20, shared: false }
  readonly #env: Env
  #checkpoints = 0

  constructor(directory: string) {
    this.#env = openEnv(fileOf(directory))
  }

  snapshot(checkpoints: number): KvSnapshot {
    const env = this.#env
    // The library shares one read transaction within a turn of the event loop, which may be too old.
    if (checkpoints !== this.#checkpoints) env.resetReadTxn()
    this.#checkpoints = checkpoints
    const transaction = env.useReadTransaction()
    const options = { transaction }
    const get = (key: Uint8Array): Uint8Array | undefined => copyOf(env.getBinaryFast(asBuffer(key), options))
    let open = true
    return {
      get,
      getMany: (keys) => keys.map(get),
      range: (r) => readRange(env, transaction, r),
      close() {
        if (open) transaction.done()
        open = false
      },
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#env.close()
  }
}

function readRange(
  env: Env,
  transaction: Transaction,
  r: Parameters<KvSnapshot['range']>[0],
): readonly KvRow[] {
  const from = asBuffer(r.from)
  const to = asBuffer(r.to)
  const rows: KvRow[] = []
  if (Buffer.compare(from, to) >= 0) return rows
  if (r.reverse !== true) {
    for (const { key, value } of env.getRange({ start: from, end: to, limit: r.limit, transaction }))
      rows.push([key, value])
    return rows
  }
  // The library's reverse ranges include their upper end and leave out the lower one; ours are the other way.
  for (const { key, value } of env.getRange({
    start: to,
    end: from,
    reverse: true,
    limit: r.limit + 1,
    transaction,
  })) {
    if (Buffer.compare(key, to) < 0 && rows.length < r.limit) rows.push([key, value])
  }
  const first = rows.length < r.limit && env.getBinaryFast(from, { transaction })
  if (first) rows.push([r.from, copyOf(first)!])
  return rows
}

export class LmdbWriter implements StoreWriter {
  readonly #env: Env

  /** Makes the store where there is none; its directory is not synced. */
  constructor(directory: string) {
    createFile(directory)
    this.#env = openEnv(fileOf(directory))
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return copyOf(this.#env.getBinaryFast(asBuffer(key)))
  }

  apply(rows: Iterable<readonly [key: Uint8Array, value: Uint8Array | null]>): void {
    const env = this.#env
    try {
      env.transactionSync(() => {
        for (const [key, value] of rows) {
          if (value === null) env.removeSync(asBuffer(key))
          else env.putSync(asBuffer(key), asBuffer(value))
        }
      })
    } catch (error) {
      if (this.#hasGivenUp())
        throw new EngineLost('LMDB gave up after an error of the disk', { cause: error })
      throw error
    } finally {
      // Else `get` could answer from a read transaction that began before.
      env.resetReadTxn()
    }
  }

  /** After a write of its first pages that failed, LMDB takes nothing more, and no reader gets anything. */
  #hasGivenUp(): boolean {
    this.#env.resetReadTxn()
    try {
      this.#env.getBinaryFast(Buffer.from([0]))
      return false
    } catch (error) {
      return String(error).includes('MDB_PANIC')
    }
  }

  [Symbol.dispose](): void {
    void this.#env.close()
  }
}
