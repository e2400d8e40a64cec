import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { it } from 'node:test'
import { Accounts } from '#account/account.ts'
import { makeStore } from '#account/fixture.test.ts'
import { fixedClock } from '#base/clock.ts'
import type { AccountId, BlobHash } from '#base/id.ts'
import { LocalBus } from '#bus/engines/local.ts'
import { changeLogTable } from '#kv/change-log.ts'
import { KvDb } from '#kv/db.ts'
import { MemoryEngine } from '#kv/engines/memory.ts'
import { taskTable } from '#kv/task-rows.ts'
import { uploadTable } from '#mail/upload.ts'
import { TaskScheduler } from '#tasks/scheduler.ts'
import { silentTelemetry } from '#telemetry/telemetry.ts'
import { temporaryDirectory } from '../../../test/harness/store.ts'
import { nextSweep, scheduleSweep, sweepTask } from './housekeeping.ts'

it('cuts the change log and drops old uploads of every account at night, and sees to the next night', async () => {
  const bus = new LocalBus({ onError: (error) => assert.fail(String(error)) })
  const db = new KvDb(new MemoryEngine(), bus)
  const clock = fixedClock(Date.UTC(2026, 0, 1, 12))
  const telemetry = silentTelemetry
  const provision = (): Promise<void> => Promise.resolve()
  using accounts = new Accounts({ db, bus, passwords: makeStore().passwords, telemetry, provision, clock })
  await accounts.createDomain({ name: 'example.org' })
  const ids: AccountId[] = []
  for (const name of ['alice', 'bob']) {
    const { id } = await accounts.createAccount({ name: `${name}@example.org` })
    ids.push(id)
    for (const [age, byte] of [
      [3_600_001, 'aa'],
      [3_600_000, 'bb'],
    ] as const) {
      const uploadedAt = nextSweep(clock.now()) - age
      const hash = byte.repeat(32) as BlobHash
      await db.write([id], async (tx) => tx.put(uploadTable, [id, id, hash], { sizeBytes: 1, uploadedAt }))
    }
    for (let i = 1; i <= 300; i++) await db.write([id], async (tx) => tx.changed(id, 'Email', i, 'updated'))
  }
  const blobDirectory = temporaryDirectory()
  mkdirSync(blobDirectory, { recursive: true })
  await scheduleSweep(db, clock)
  const kinds = [
    sweepTask({
      blobDirectory,
      keepAudit: () => 86_400_000,
      keepReports: () => 86_400_000,
      keepUploads: () => 3_600_000,
      keepChanges: () => 100,
      clock,
      telemetry,
    }),
  ]
  await using scheduler = new TaskScheduler({ db, bus, clock, telemetry, kinds })
  clock.advance(nextSweep(clock.now()) - clock.now())
  await scheduler.kick()
  // The last of a hundred commits is that by which an upload went, of which the log says nothing.
  for (const id of ids) assert.equal((await db.read((tx) => tx.list(changeLogTable, [id]))).length, 99)
  for (const id of ids)
    assert.deepEqual(
      (await db.read((tx) => tx.list(uploadTable, [id]))).map(([[, , hash]]) => hash),
      ['bb'.repeat(32)],
    )
  const tasks = await db.read((tx) => tx.list(taskTable, []))
  const sweeps = tasks.filter(([, { task }]) => task === 'server.sweep-blobs')
  assert.deepEqual(
    sweeps.map(([[due]]) => due),
    [nextSweep(clock.now())],
  )
  await rm(blobDirectory, { recursive: true })
})
