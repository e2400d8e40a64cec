/**
 * SQLite: rows in one table of one file, through `node:sqlite`, with nothing to install.
 *
 * Write-ahead log with `synchronous=FULL`, so a commit is on disk before it is visible. A snapshot is a read
 * transaction on a connection of its own, taken from a small pool; the committer thread owns the writing one.
 */
import { join } from 'node:path'
import { backup, DatabaseSync, type StatementSync } from 'node:sqlite'
import type { KvLimits, KvRow, KvSnapshot, StoreReader, StoreWriter } from '../backend.ts'

/** Idle reading connections that are kept. */
const maxIdle = 8

const fileOf = (directory: string): string => join(directory, 'rows.sqlite')

/** SQLite's own words do not say which file it is that the disk does not give. */
function naming<T>(directory: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new Error(`${fileOf(directory)}: ${(error as Error).message}`, { cause: error })
  }
}

interface Reader {
  readonly database: DatabaseSync
  readonly begin: StatementSync
  readonly first: StatementSync
  readonly end: StatementSync
  readonly get: StatementSync
  readonly up: StatementSync
  readonly down: StatementSync
}

/** Writes to `target` the rows as of the last checkpoint, whoever reads and writes them meanwhile, also another process. */
export async function copySqlite(directory: string, target: string): Promise<void> {
  const database = new DatabaseSync(fileOf(directory))
  try {
    database.exec('PRAGMA busy_timeout=10000')
    // In one step: between two, a commit of the server would make it begin anew.
    await backup(database, fileOf(target), { rate: 2 ** 31 - 1 })
  } finally {
    database.close()
  }
}

export class SqliteReader implements StoreReader {
  readonly limits: KvLimits = { keyBytes: 4096, valueBytes: 16 << 20, batchBytes: 256 << 20, shared: false }
  readonly #directory: string
  readonly #idle: Reader[] = []

  constructor(directory: string) {
    this.#directory = directory
  }

  snapshot(): KvSnapshot {
    const directory = this.#directory
    const reader = naming(directory, () => this.#begun())
    let open = true
    const get = (key: Uint8Array): Uint8Array | undefined =>
      naming(directory, () => reader.get.get(key))?.['v'] as Uint8Array | undefined
    return {
      get,
      getMany: (keys) => keys.map(get),
      range({ from, to, reverse = false, limit }) {
        const page = reverse ? reader.down : reader.up
        const rows = naming(directory, () => page.all(from, to, Number.isFinite(limit) ? limit : -1))
        return rows.map((row): KvRow => [row['k'] as Uint8Array, row['v'] as Uint8Array])
      },
      close: () => {
        if (!open) return
        open = false
        reader.end.run()
        if (this.#idle.length < maxIdle) this.#idle.push(reader)
        else reader.database.close()
      },
    }
  }

  /** One that fails goes: the next snapshot has another. */
  #begun(): Reader {
    const reader = this.#idle.pop() ?? openReader(this.#directory)
    try {
      reader.begin.run()
      // A deferred transaction takes its snapshot with the first read.
      reader.first.get()
      return reader
    } catch (error) {
      reader.database.close()
      throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const reader of this.#idle.splice(0)) reader.database.close()
    return Promise.resolve()
  }
}

function openReader(directory: string): Reader {
  const database = new DatabaseSync(fileOf(directory), { readOnly: true })
  database.exec('PRAGMA busy_timeout=10000')
  const page = (order: string): StatementSync =>
    database.prepare(`SELECT k, v FROM kv WHERE k >= ? AND k < ? ORDER BY k ${order} LIMIT ?`)
  return {
    database,
    begin: database.prepare('BEGIN'),
    first: database.prepare('SELECT 1 FROM kv LIMIT 1'),
    end: database.prepare('COMMIT'),
    get: database.prepare('SELECT v FROM kv WHERE k = ?'),
    up: page('ASC'),
    down: page('DESC'),
  }
}

export class SqliteWriter implements StoreWriter {
  readonly #directory: string
  readonly #database: DatabaseSync
  readonly #get: StatementSync
  readonly #put: StatementSync
  readonly #delete: StatementSync

  constructor(directory: string) {
    this.#directory = directory
    this.#database = new DatabaseSync(fileOf(directory))
    this.#database.exec(`
      PRAGMA busy_timeout=10000;
      PRAGMA journal_mode=WAL;
      PRAGMA synchronous=FULL;
      CREATE TABLE IF NOT EXISTS kv (k BLOB PRIMARY KEY, v BLOB NOT NULL) WITHOUT ROWID;
    `)
    this.#get = this.#database.prepare('SELECT v FROM kv WHERE k = ?')
    this.#put = this.#database.prepare(
      'INSERT INTO kv (k, v) VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET v = excluded.v',
    )
    this.#delete = this.#database.prepare('DELETE FROM kv WHERE k = ?')
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return naming(this.#directory, () => this.#get.get(key))?.['v'] as Uint8Array | undefined
  }

  apply(rows: Iterable<readonly [key: Uint8Array, value: Uint8Array | null]>): void {
    naming(this.#directory, () => this.#apply(rows))
  }

  #apply(rows: Iterable<readonly [key: Uint8Array, value: Uint8Array | null]>): void {
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      for (const [key, value] of rows) {
        if (value === null) this.#delete.run(key)
        else this.#put.run(key, value)
      }
      this.#database.exec('COMMIT')
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      throw error
    }
  }

  [Symbol.dispose](): void {
    this.#database.close()
  }
}
