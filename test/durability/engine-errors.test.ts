/**
 * A write of the engine's file fails, since the disk does or is full. What the transaction was about is not there, what
 * others were about is, and the engine goes on when the disk does. LMDB may give up for good instead, which it does after
 * a failed write of its first pages, and then says so, so that the process ends and is started again: a server that goes
 * on would answer everybody with errors. For those pages there is always room.
 *
 * Faults that turn it red, each planted by hand and seen: what LMDB says of the transaction is passed on as it is; an
 * error of SQLite's COMMIT is taken for done.
 */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { EngineLost, type StoreWriter } from '#kv/backend.ts'
import { LmdbWriter } from '#kv/engines/lmdb.ts'
import { SqliteWriter } from '#kv/engines/sqlite.ts'
import { temporaryDirectory } from '../harness/store.ts'
import { needs } from '../interop/program.ts'
import { FailingCalls } from './failing-calls.ts'

const writes = ['pwrite64', 'pwritev', 'write', 'writev', 'fsync', 'fdatasync', 'ftruncate']

const engines = {
  lmdb: { open: (directory: string): StoreWriter => new LmdbWriter(directory), files: ['rows.lmdb'] },
  sqlite: {
    open: (directory: string): StoreWriter => new SqliteWriter(directory),
    files: ['rows.sqlite', 'rows.sqlite-wal'],
  },
} as const

const rows = 6
const keyOf = (i: number): Buffer => Buffer.from(`key ${i}`)

/** What became of transactions, one after the other, of which one call fails; and whether the store agrees. */
async function outcomes(
  engine: keyof typeof engines,
  error: string,
  when: string,
): Promise<readonly string[]> {
  const directory = temporaryDirectory()
  const { open, files } = engines[engine]
  const writer = open(directory)
  const put = (i: number): string => {
    try {
      writer.apply([[keyOf(i), Buffer.alloc(3000, i)]])
      return 'done'
    } catch (error) {
      return error instanceof EngineLost ? 'lost' : 'failed'
    }
  }
  try {
    put(0)
    const all: string[] = []
    {
      const on = files.map((file) => join(directory, file))
      await using _failing = await FailingCalls.of(process.pid, writes, { on, when, error })
      for (let i = 1; i <= rows; i++) all.push(put(i))
    }
    if (all.includes('lost')) return all
    assert.equal(put(rows + 1), 'done', `${engine} ${error} ${when}`)
    const there = all.map((_, i) => (writer.get(keyOf(i + 1)) === undefined ? 'failed' : 'done'))
    assert.deepEqual(there, all, `${engine} ${error} ${when}`)
    return all
  } finally {
    rmSync(directory, { recursive: true })
  }
}

for (const error of ['EIO', 'ENOSPC']) {
  it(`LMDB goes on after ${error}, or says that it cannot`, needs('strace'), async () => {
    const seen = new Set<string>()
    for (const when of ['1', '2', '3', '4', '5', '1+3']) {
      const all = await outcomes('lmdb', error, when)
      assert.match(all.join(' '), /^((done|failed) ?)*(lost ?)*$/, when)
      for (const one of all) seen.add(one)
    }
    assert.ok(seen.has('lost'), 'no write of the first pages failed')
    assert.ok(seen.has('failed'), 'no other write failed')
  })

  it(`SQLite goes on after ${error}`, needs('strace'), async () => {
    const seen = new Set<string>()
    for (const when of ['1', '2', '3', '4', '1+2', '1+3'])
      for (const one of await outcomes('sqlite', error, when)) seen.add(one)
    assert.deepEqual([...seen].toSorted(), ['done', 'failed'])
  })
}
