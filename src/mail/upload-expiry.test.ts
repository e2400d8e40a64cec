import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fixedClock } from '#base/clock.ts'
import type { AccountId, BlobHash } from '#base/id.ts'
import { LocalBus } from '#bus/engines/local.ts'
import { blobLinkTable, ownerKinds } from '#kv/blob-rows.ts'
import { KvDb } from '#kv/db.ts'
import { taskTable } from '#kv/task-rows.ts'
import { TaskScheduler } from '#tasks/scheduler.ts'
import { silentTelemetry } from '#telemetry/telemetry.ts'
import { purgeAccount } from './purge.ts'
import { account, openTestAccount, type TestAccount } from './test-account.ts'
import { expireUploads, uploadExpiryTask } from './upload-expiry.ts'
import { keepUpload, type UploadLimits, uploadTable } from './upload.ts'

const guest = 9 as AccountId
const hourMs = 3_600_000
const minuteMs = 60_000
const signal = new AbortController().signal
const newBus = (): LocalBus => new LocalBus({ onError: (error) => assert.fail(String(error)) })

/** An account, and servers on its store that run tasks. */
async function open() {
  const box = await openTestAccount()
  const clock = fixedClock(Date.UTC(2026, 0, 1, 12))
  let ttlMs = hourMs
  const limits = (): UploadLimits => ({ bytes: 1e6, count: 1000, ttlMs })
  const upload = async (text: string, o: { by?: AccountId; db?: KvDb } = {}): Promise<BlobHash> => {
    const staged = await box.stage(Buffer.from(text))
    return (o.db ?? box.db).write([account], (tx) =>
      keepUpload(tx, account, o.by ?? account, staged, { now: clock.now(), limits: limits() }),
    )
  }
  const server = (db: KvDb = box.db): TaskScheduler => {
    const kinds = [uploadExpiryTask({ clock, ttlMs: () => ttlMs })]
    return new TaskScheduler({ db, bus: newBus(), clock, telemetry: silentTelemetry, kinds })
  }
  return { ...box, clock, upload, server, keepFor: (ms: number) => void (ttlMs = ms) }
}

const kept = async ({ db }: Pick<TestAccount, 'db'>): Promise<BlobHash[]> =>
  (await db.read((tx) => tx.list(uploadTable, [account]))).map(([[, , hash]]) => hash)

const linked = async ({ db }: Pick<TestAccount, 'db'>): Promise<BlobHash[]> =>
  (await db.read((tx) => tx.list(blobLinkTable, [])))
    .filter(([[, , kind]]) => kind === ownerKinds.upload)
    .map(([[hash]]) => hash)

const waiting = async ({ db }: Pick<TestAccount, 'db'>): Promise<number[]> =>
  (await db.read((tx) => tx.list(taskTable, []))).map(([[due]]) => due)

// Planted: keepUpload without scheduleExpiry, as it was while uploads waited for the night.
test('RFC 8620 §6: an upload goes within a minute of the end of its hour, though nobody comes again', async () => {
  const box = await open()
  await using server = box.server()
  const hash = await box.upload('hello')
  box.clock.advance(hourMs)
  await server.kick()
  assert.deepEqual(await kept(box), [hash])
  box.clock.advance(minuteMs)
  await server.kick()
  assert.deepEqual(await kept(box), [])
  assert.deepEqual(await linked(box), [])
  assert.deepEqual(await waiting(box), [])
})

// Planted: the task does not wait again for those that are still young.
test('RFC 8620 §6: each has its hour, and the same bytes again have it anew', async () => {
  const box = await open()
  await using server = box.server()
  await box.upload('first')
  const again = await box.upload('again')
  box.clock.advance(hourMs / 2)
  const second = await box.upload('second')
  await box.upload('again')
  box.clock.advance(hourMs / 2 + minuteMs)
  await server.kick()
  assert.deepEqual(new Set(await kept(box)), new Set([again, second]))
  assert.equal((await waiting(box)).length, 1)
  box.clock.advance(hourMs / 2)
  await server.kick()
  assert.deepEqual(await kept(box), [])
  assert.deepEqual(await waiting(box), [])
})

// Planted: scheduleExpiry at each upload.
test('an upload costs one commit, and the first one of a user only costs the row of a task', async () => {
  const box = await open()
  const commits: number[] = []
  const { engine } = box
  const commit = engine.commit.bind(engine)
  engine.commit = (batch) => {
    commits.push(batch.puts.length)
    return commit(batch)
  }
  for (let i = 0; i < 50; i++) {
    await box.upload(`number ${i}`)
    box.clock.advance(minuteMs / 2)
  }
  assert.equal(commits.length, 50)
  assert.equal(commits[0]! - commits[1]!, 1)
  assert.equal((await waiting(box)).length, 1)
  await box.upload('of another', { by: guest })
  assert.equal((await waiting(box)).length, 2)
})

test('of more than one commit may remove all go that have expired', async () => {
  const box = await open()
  await using server = box.server()
  for (let i = 0; i < 450; i++) await box.upload(`number ${i}`)
  box.clock.advance(minuteMs)
  const young = await box.upload('young')
  box.clock.advance(hourMs)
  await server.kick()
  assert.deepEqual(await kept(box), [young])
  assert.equal((await waiting(box)).length, 1)
})

// Planted: `done` in a commit of its own, before the uploads are removed.
test('a server that is killed before or behind the removal leaves nothing undone', async () => {
  for (const fails of ['before', 'after'] as const) {
    const box = await open()
    const first = await box.upload('first')
    box.clock.advance(minuteMs)
    await box.upload('second')
    box.clock.advance(hourMs)
    const { engine } = box
    const commit = engine.commit.bind(engine)
    const killed = Promise.withResolvers<never>()
    killed.promise.catch(() => undefined)
    const reached = Promise.withResolvers<void>()
    let isKilled = false
    // The first commit of the task is its lease, the second is what it is for.
    let commits = 0
    engine.commit = async (batch) => {
      if (isKilled) return killed.promise
      isKilled = ++commits === 2
      if (isKilled) setImmediate(reached.resolve)
      if (isKilled && fails === 'before') return killed.promise
      const outcome = await commit(batch)
      return isKilled ? killed.promise : outcome
    }
    const dead = box.server()
    await Promise.race([dead.kick(), reached.promise])
    assert.ok(isKilled)
    engine.commit = commit
    assert.equal((await kept(box)).includes(first), fails === 'before')
    assert.equal((await waiting(box)).length, 1)
    const db = new KvDb(engine, newBus())
    await using after = box.server(db)
    box.clock.advance(600_001)
    await after.kick()
    assert.deepEqual(await kept({ db }), [])
    assert.deepEqual(await waiting({ db }), [])
    killed.reject(new Error('killed'))
    await dead[Symbol.asyncDispose]().catch(() => undefined)
  }
})

// Planted: the task removes what it read before its commit, and is done without looking again.
test('what comes over another server while the task runs has a task, and is not removed', async () => {
  const box = await open()
  await box.upload('old')
  box.clock.advance(hourMs + minuteMs)
  const { engine } = box
  const other = new KvDb(engine, newBus())
  const commit = engine.commit.bind(engine)
  let commits = 0
  let young: BlobHash | undefined
  engine.commit = async (batch) => {
    if (++commits === 2) young = await box.upload('young', { db: other })
    return commit(batch)
  }
  await using server = box.server()
  await server.kick()
  assert.deepEqual(await kept(box), [young])
  const due = await waiting(box)
  assert.ok(due.length > 0)
  box.clock.advance(hourMs + minuteMs)
  await server.kick()
  assert.deepEqual(await kept(box), [])
  assert.deepEqual(await waiting(box), [])
})

test('two servers may both run the task, and one row waits', async () => {
  const box = await open()
  await box.upload('old')
  box.clock.advance(minuteMs)
  const young = await box.upload('young')
  box.clock.advance(hourMs)
  const kind = uploadExpiryTask({ clock: box.clock, ttlMs: () => hourMs })
  const [[key] = assert.fail()] = await box.db.read((tx) => tx.list(taskTable, []))
  const run = (db: KvDb): Promise<void> =>
    kind.run({ account, uploader: account }, { db, signal, done: async (tx) => tx.delete(taskTable, key) })
  await Promise.all([run(box.db), run(new KvDb(box.engine, newBus()))])
  assert.deepEqual(await kept(box), [young])
  assert.equal((await waiting(box)).length, 1)
})

test('where the time to live is another now, that one counts', async () => {
  const box = await open()
  await using server = box.server()
  const hash = await box.upload('hello')
  box.keepFor(2 * hourMs)
  box.clock.advance(hourMs + minuteMs)
  await server.kick()
  assert.deepEqual(await kept(box), [hash])
  assert.deepEqual(await waiting(box), [box.clock.now() + hourMs])
  box.clock.advance(hourMs)
  await server.kick()
  assert.deepEqual(await kept(box), [])
})

test('the task of an account that is gone brings nothing of it back', async () => {
  const box = await open()
  await using server = box.server()
  await box.upload('hello')
  await purgeAccount(box.db, account, signal)
  box.clock.advance(hourMs + minuteMs)
  await server.kick()
  assert.deepEqual(await waiting(box), [])
  assert.equal(await box.db.read((tx) => tx.sequence(account)), 0)
})

test('RFC 8620 §6: uploads of an account that are older than a time go, or all', async () => {
  const box = await open()
  const began = box.clock.now()
  for (let i = 0; i < 450; i++) {
    await box.upload(`number ${i}`, { by: i % 2 === 0 ? account : guest })
    box.clock.advance(1)
  }
  assert.equal(await expireUploads(box.db, account, { uploadedBefore: began + 400, signal }), 400)
  assert.equal((await kept(box)).length, 50)
  assert.equal((await linked(box)).length, 50)
  assert.equal(await expireUploads(box.db, account, { uploadedBefore: began + 400, signal }), 0)
})
