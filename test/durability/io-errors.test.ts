/**
 * Every call that the committer makes to the disk fails in turn, once or from then on, while commits go on; after
 * a failed sync nothing that it was about is durable, whatever a later one says. Then the process is killed, or
 * the power is cut. What was acknowledged is there and whole; what was refused is not there after a kill, since
 * its author was told to try again.
 *
 * The engine here is ideal: each of its transactions is durable when it returns.
 *
 * Faults that turn it red, each planted by hand and seen. In `journal.ts`: a group that failed is not made void; the
 * file it failed in is gone on with, or kept though nothing else is in it; a new file for which there was no room
 * stays. In `segments.ts`: a sync that failed is tried again; a segment whose name did not get to the disk is gone
 * on with; its number is taken after the sync of its name, so that what is written to it is looked for elsewhere. In
 * `committer.ts`: after a sync that failed, `renew` without what the journal has; no `renew`, so that only a start helps.
 */
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type { BlobHash } from '#base/id.ts'
import { syncDirectory } from '#base/sync-directory.ts'
import { SegmentWriter, segmentPath, stagingPath } from '#blob/engines/segments.ts'
import { contentOfRecord } from '#blob/read-record.ts'
import { packRecord } from '#blob/record.ts'
import { type Batch, EngineLost, type Staged, type StoreWriter } from '#kv/backend.ts'
import { encodeBatch } from '#kv/batch-wire.ts'
import { blobTable } from '#kv/blob-rows.ts'
import { Committer, type CommitNotice, newSharedCounters } from '#kv/committer.ts'
import { Journal } from '#kv/journal.ts'
import { keyText } from '#kv/key.ts'
import { Random } from '../harness/random.ts'
import { temporaryDirectory } from '../harness/store.ts'
import { FailingDisk, type Failure } from './failing-disk.ts'

class IdealEngine implements StoreWriter {
  rows = new Map<string, Uint8Array>()

  get(key: Uint8Array): Uint8Array | undefined {
    return this.rows.get(keyText(key))
  }

  apply(rows: Iterable<readonly [Uint8Array, Uint8Array | null]>): void {
    const next = new Map(this.rows)
    for (const [key, value] of rows) {
      if (value === null) next.delete(keyText(key))
      else next.set(keyText(key), Uint8Array.from(value))
    }
    this.rows = next
  }

  [Symbol.dispose](): void {}
}

function open(directory: string, writer: IdealEngine): Committer {
  const sink = new SegmentWriter(join(directory, 'blobs'))
  const journal = new Journal(join(directory, 'journal'))
  syncDirectory(directory)
  const guard = (): void => {}
  return new Committer({ writer, sink, journal, guard, onTrouble: guard, counters: newSharedCounters() })
}

const writes = 9
const contentOf = (i: number): Buffer => Buffer.from(`content of message ${i} `.repeat(20))
const rowOf = (i: number): string => keyText(Buffer.from(`n${i}`))
/** Every third blob is large enough for a file of its own. */
const isLarge = (i: number): boolean => i % 3 === 0

/** One after the other, some with the same bytes as the one before. True where it was acknowledged. */
async function writeAll(o: {
  directory: string
  disk: FailingDisk
  committer: Committer
  port: MessagePort
}): Promise<boolean[]> {
  const acknowledged: boolean[] = []
  for (let i = 1; i <= writes; i++) {
    const staged = await stage(o, i)
    const batch: Batch = {
      checks: [],
      puts: [{ key: rowOf(i), value: Buffer.from(staged.hash, 'hex') }],
      deletes: [],
      blobs: [staged],
    }
    o.port.postMessage({ firstId: i, batches: [encodeBatch(batch)] })
    acknowledged.push(await answered(o.port, i))
    if (i === 4 || i === 7) tryCheckpoint(o.committer)
    if (i === 6) o.disk.heal()
  }
  return acknowledged
}

async function stage(
  { directory, disk }: { directory: string; disk: FailingDisk },
  i: number,
): Promise<Staged> {
  const content = contentOf(i)
  const { record, hash } = packRecord(content, 'none')
  if (!isLarge(i)) return { hash, sizeBytes: content.length, record: { bytes: record } }
  const file = join(stagingPath(join(directory, 'blobs')), `${i}.staged`)
  // Not by the committer, and not what is looked at here.
  await writeFile(file, record)
  disk.disk.apply({ kind: 'create', path: file, at: 0 })
  disk.disk.apply({ kind: 'write', path: file, offset: 0, data: Buffer.from(record), isSynced: true, at: 0 })
  return { hash, sizeBytes: content.length, record: { file, recordBytes: record.length } }
}

const answered = (port: MessagePort, id: number): Promise<boolean> =>
  new Promise((resolve) => {
    const listen = (notice: CommitNotice): void => {
      const isDone =
        notice.kind === 'round' &&
        notice.answers.some((one) => one.firstId === id && one.outcomes[0] === 'done')
      const isFailed = notice.kind === 'failed' && notice.firstId === id
      if (!isDone && !isFailed) return
      port.off('message', listen)
      resolve(isDone)
    }
    port.on('message', listen)
  })

function tryCheckpoint(committer: Committer): void {
  try {
    committer.checkpoint()
  } catch {
    // It is tried again later; nothing depends on it.
  }
}

interface Left {
  readonly acknowledged: readonly boolean[]
  readonly engine: IdealEngine
  readonly disk: FailingDisk
}

/** The disk is well again: all gets to where it belongs, without a start. */
function expectCheckpoint({ disk, committer, engine, acknowledged }: Left & { committer: Committer }): void {
  disk.mend()
  tryCheckpoint(committer)
  committer.checkpoint()
  for (const [i, isThere] of acknowledged.entries()) if (isThere) assert.ok(engine.rows.has(rowOf(i + 1)))
}

async function run(
  directory: string,
  failure: Failure | undefined,
  o: { mends: boolean } = { mends: false },
): Promise<Left | undefined> {
  mkdirSync(directory)
  using disk = new FailingDisk(directory, failure)
  const engine = new IdealEngine()
  const committer = tryOpen(directory, engine)
  if (committer === undefined) return undefined
  const { port1, port2 } = new MessageChannel()
  try {
    committer.serve(port1)
    const acknowledged = await writeAll({ directory, disk, committer, port: port2 })
    if (o.mends) expectCheckpoint({ disk, committer, engine, acknowledged })
    return { acknowledged, engine, disk }
  } finally {
    port1.close()
    port2.close()
  }
}

/** A start may fail: then nothing was acknowledged. */
function tryOpen(directory: string, engine: IdealEngine): Committer | undefined {
  try {
    return open(directory, engine)
  } catch (error) {
    assert.match((error as Error).message, /^(EIO|ENOSPC)/)
    return undefined
  }
}

/** What is wrong after a start on what was left. */
function wrongWith(directory: string, { acknowledged, engine }: Left, mayHaveMore: boolean): string[] {
  const reopened = new IdealEngine()
  reopened.rows = new Map(engine.rows)
  open(directory, reopened)
  const wrong: string[] = []
  for (let i = 1; i <= writes; i++) {
    const hash = reopened.rows.get(rowOf(i))
    if (hash === undefined) {
      if (acknowledged[i - 1] === true) wrong.push(`${i} was acknowledged and is lost`)
      continue
    }
    if (acknowledged[i - 1] !== true && !mayHaveMore) wrong.push(`${i} was refused and is there`)
    const damage = damageOf(directory, reopened, Buffer.from(hash).toString('hex') as BlobHash, i)
    if (damage !== undefined)
      wrong.push(`${i} ${acknowledged[i - 1] === true ? 'is' : '(refused) is'} ${damage}`)
  }
  return wrong
}

/** Files that failed are no more than others: a full disk has no room for them. */
function tooManyFiles(directory: string, { disk }: Left): string[] {
  const journal = readdirSync(join(directory, 'journal'))
  const wrong: string[] = []
  if (journal.length > 3) wrong.push(`the journal has ${journal.length} files`)
  if (disk.openFiles.length > 2) wrong.push(`open: ${disk.openFiles.join()}`)
  return wrong
}

function damageOf(directory: string, engine: IdealEngine, hash: BlobHash, i: number): string | undefined {
  const row = engine.rows.get(keyText(blobTable.key(hash)))
  if (row === undefined) return 'without its blob'
  const { segment, offset, recordBytes } = blobTable.value.decode(row)
  try {
    const record = readFileSync(segmentPath(join(directory, 'blobs'), segment)).subarray(
      offset,
      offset + recordBytes,
    )
    return contentOf(i).equals(contentOfRecord(record)) ? undefined : 'of other bytes'
  } catch (error) {
    return (error as Error).message
  }
}

describe('I/O errors', () => {
  let base: string
  beforeEach(() => (base = temporaryDirectory()))
  afterEach(() => rmSync(base, { recursive: true, force: true }))

  for (const [code, lasts] of [
    ['EIO', false],
    ['EIO', true],
    ['ENOSPC', false],
    ['ENOSPC', true],
  ] as const)
    it(`lose nothing that was acknowledged: ${code}, ${lasts ? 'while they last' : 'once each'}`, async (t) => {
      // Checkpoints come when the test says so.
      t.mock.timers.enable({ apis: ['setTimeout'] })
      const clean = (await run(join(base, 'clean'), undefined))!
      assert.deepEqual(
        clean.acknowledged,
        Array.from({ length: writes }, () => true),
      )
      const wrong: string[] = []
      const calls = clean.disk.calls
      for (const [i, call] of calls.entries()) {
        const killed = join(base, `${i} killed`)
        const cut = join(base, `${i} cut`)
        const left = await run(killed, { at: i + 1, lasts, code }, { mends: i % 2 === 1 })
        if (left !== undefined) {
          const found = tooManyFiles(killed, left)
          left.disk.disk.cut(cut, new Random(i), i % 4 < 2 ? 0 : 0.5)
          found.push(
            ...wrongWith(killed, left, false),
            ...wrongWith(cut, left, true).map((one) => `cut: ${one}`),
          )
          wrong.push(...found.map((sentence) => `${i} ${call}: ${sentence}`))
        }
        for (const directory of [killed, cut]) rmSync(directory, { recursive: true, force: true })
      }
      t.diagnostic(`${calls.length} calls`)
      assert.deepEqual(wrong, [], wrong.join('\n'))
    })

  // Planted fault: it is told as a trouble like others.
  it('of an engine that gave up for good end the thread', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const engine = new IdealEngine()
    const { port1, port2 } = new MessageChannel()
    open(base, engine).serve(port1)
    engine.apply = () => {
      throw new EngineLost('it gave up')
    }
    const put = { key: rowOf(1), value: Buffer.from('x') }
    port2.postMessage({
      firstId: 1,
      batches: [encodeBatch({ checks: [], puts: [put], deletes: [], blobs: [] })],
    })
    assert.equal(await answered(port2, 1), true)
    port2.close()
    assert.throws(() => t.mock.timers.tick(1000), EngineLost)
  })
})
