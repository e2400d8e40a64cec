/**
 * A crash at the level of the store: what the committer left on disk is copied at some moment, as a killed
 * process or a cut of power would leave it, and a new committer opens the copy.
 */
import assert from 'node:assert/strict'
import { cpSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { AccountId } from '#base/id.ts'
import { asBuffer } from '#base/bytes.ts'
import { openTestStore, temporaryDirectory } from '../../test/harness/store.ts'
import { ownerKinds } from './blob-rows.ts'
import { journalTroubles } from './check-journal.ts'
import { rawBytes } from './codec.ts'
import { Journal } from './journal.ts'
import { u48 } from './key.ts'
import { accountTable } from './table.ts'

const alice = 1 as AccountId
const notes = accountTable({ name: 'note', letter: 'y', key: [u48()], value: rawBytes })
const content = (i: number): Buffer => Buffer.from(`content of message ${i} `.repeat(20))

async function write(
  store: Awaited<ReturnType<typeof openTestStore>>,
  i: number,
  bytes = content(i),
): Promise<void> {
  const stager = store.blobs.stager({ maxBytes: 1e6 })
  await stager.write(bytes)
  const staged = await stager.finish()
  await store.db.write([alice], async (tx) => {
    tx.attach(staged, { account: alice, kind: ownerKinds.message, id: i })
    tx.put(notes, [alice, i], Buffer.from(staged.hash))
    tx.changed(alice, 'Email', i, 'created')
  })
}

/** Everything that was acknowledged is in the store of this directory, and readable. */
async function expectAll(engine: 'lmdb' | 'sqlite', directory: string, count: number): Promise<void> {
  await using store = await openTestStore(engine, { directory })
  const rows = await store.db.read((tx) => tx.list(notes, [alice]))
  assert.equal(rows.length, count)
  for (const [[, i], hash] of rows) {
    const bytes = await store.blobs.readRange(asBuffer(hash).toString() as never, 0, 1e6)
    assert.ok(content(i).equals(bytes), `message ${i}`)
  }
  assert.equal(await store.db.read((tx) => tx.sequence(alice)), count === 0 ? 0 : rows.length)
}

for (const engine of ['lmdb', 'sqlite'] as const) {
  describe(`recovery, ${engine}`, () => {
    const crashed = async (count: number, damage: (copy: string) => void): Promise<void> => {
      const copy = temporaryDirectory()
      {
        await using store = await openTestStore(engine)
        for (let i = 1; i <= count; i++) await write(store, i)
        cpSync(store.directory, copy, { recursive: true })
      }
      damage(copy)
      await expectAll(engine, copy, count)
      // What recovery wrote is whole too.
      await expectAll(engine, copy, count)
      await rm(copy, { recursive: true, force: true })
    }

    it('has every answered commit when the process is killed before a checkpoint', () =>
      crashed(20, () => {}))

    it('needs nothing but the journal of what came after a checkpoint', () =>
      crashed(20, (copy) => {
        // Neither segments nor engine were synced since the store was opened: both may be lost.
        for (const name of readdirSync(join(copy, 'blobs')))
          if (name.endsWith('.seg')) rmSync(join(copy, 'blobs', name))
        rmSync(join(copy, 'rows'), { recursive: true })
      }))

    it('fills in segments that were cut short or hold rubbish', () =>
      crashed(10, (copy) => {
        const segment = join(copy, 'blobs', '00000001.seg')
        truncateSync(segment, 700)
        writeFileSync(segment, Buffer.alloc(300, 0xee), { flag: 'r+' })
      }))

    it('writes behind what it has filled in, also when that is not in the last segment', async () => {
      const copy = temporaryDirectory()
      const large = Buffer.alloc(100_000, 'large enough for a file of its own')
      {
        await using store = await openTestStore(engine)
        await write(store, 1)
        await write(store, 2, large)
        cpSync(store.directory, copy, { recursive: true })
      }
      truncateSync(join(copy, 'blobs', '00000001.seg'), 0)
      {
        await using store = await openTestStore(engine, { directory: copy })
        for (let i = 3; i <= 5; i++) await write(store, i)
      }
      await using store = await openTestStore(engine, { directory: copy })
      for (const [[, i], hash] of await store.db.read((tx) => tx.list(notes, [alice]))) {
        const bytes = await store.blobs.readRange(asBuffer(hash).toString() as never, 0, 1e6)
        assert.ok((i === 2 ? large : content(i)).equals(bytes), `message ${i}`)
      }
      await rm(copy, { recursive: true, force: true })
    })

    // Planted fault: what is missing is not counted.
    it('says how much of the journal is missing, and keeps the rest', async () => {
      const copy = temporaryDirectory()
      {
        await using store = await openTestStore(engine)
        for (let i = 1; i <= 5; i++) await write(store, i)
        cpSync(store.directory, copy, { recursive: true })
      }
      const journal = new Journal(join(copy, 'journal'))
      const groups = [...journal.replay()].toSpliced(1, 2)
      journal.clear()
      for (const { group, payload } of groups) journal.append(group, [payload])
      journal[Symbol.dispose]()
      await using store = await openTestStore(engine, { directory: copy })
      assert.deepEqual(store.recovered, { groups: 3, missing: 2 })
      for await (const { kind, what } of journalTroubles(store.recovered))
        assert.deepEqual([kind.name, what], ['journal-gap', '2 commits'])
      const rows = await store.db.read((tx) => tx.list(notes, [alice]))
      assert.deepEqual(
        rows.map(([[, i]]) => i),
        [1, 4, 5],
      )
      await rm(copy, { recursive: true, force: true })
    })

    it('goes on after a recovery as if nothing had been', async () => {
      const copy = temporaryDirectory()
      {
        await using store = await openTestStore(engine)
        for (let i = 1; i <= 5; i++) await write(store, i)
        cpSync(store.directory, copy, { recursive: true })
      }
      {
        await using store = await openTestStore(engine, { directory: copy })
        for (let i = 6; i <= 12; i++) await write(store, i)
      }
      await expectAll(engine, copy, 12)
      await rm(copy, { recursive: true, force: true })
    })
  })
}
