import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LocalBus } from '#bus/engines/local.ts'
import type { AccountId, MailboxId, Modseq, Uid } from '#base/id.ts'
import { changeLogTable, changesSince, expungeLogTable, expungedSince } from './change-log.ts'
import { KvDb } from './db.ts'
import { MemoryEngine } from './engines/memory.ts'
import { logShared, sharedSince } from './shared-log.ts'
import { trimLog } from './trim-log.ts'

const alice = 1 as AccountId
const bob = 2 as AccountId

async function filled(commits: number): Promise<KvDb> {
  const db = new KvDb(new MemoryEngine(), new LocalBus({ onError: (error) => assert.fail(String(error)) }))
  for (const account of [alice, bob]) {
    for (let i = 1; i <= commits; i++) {
      await db.write([account], async (tx) => {
        tx.changed(account, 'Email', i, 'created')
        tx.expunged(account, (i % 3) as MailboxId, [i as Uid])
        await logShared(tx, account, (i % 3) as MailboxId, { left: new Map([[i, i]]) })
      })
    }
  }
  return db
}

describe('trimming the change log', () => {
  it('keeps the last commits whole and says tooOld of those before', async () => {
    const db = await filled(100)
    assert.equal(await trimLog(db, alice, 40), 180)
    await db.read(async (tx) => {
      assert.equal(await changesSince(tx, alice, 'Email', 59 as Modseq, 1000), 'tooOld')
      assert.equal(await expungedSince(tx, alice, 0 as MailboxId, 59 as Modseq), 'tooOld')
      const since = await changesSince(tx, alice, 'Email', 60 as Modseq, 1000)
      assert.ok(since !== 'tooOld')
      assert.deepEqual(
        since.created,
        Array.from({ length: 40 }, (_, i) => 61 + i),
      )
      const kept = [...(await tx.list(changeLogTable, [alice])), ...(await tx.list(expungeLogTable, [alice]))]
      assert.equal(kept.length, 80)
      assert.equal(await sharedSince(tx, alice, 0 as MailboxId, 59 as Modseq), 'tooOld')
      const left: number[] = []
      for (const mailbox of [0, 1, 2] as MailboxId[]) {
        const rows = await sharedSince(tx, alice, mailbox, 60 as Modseq)
        if (rows !== 'tooOld') for (const [, row] of rows) left.push(...row.left.keys())
      }
      assert.deepEqual(
        left.toSorted((a, b) => a - b),
        since.created,
      )
    })
  })

  it('touches no other account, and does nothing again until there is much', async () => {
    const db = await filled(100)
    await trimLog(db, alice, 40)
    assert.equal(await trimLog(db, alice, 40), 0)
    await db.read(async (tx) => {
      assert.equal((await tx.list(changeLogTable, [bob])).length, 100)
      assert.notEqual(await changesSince(tx, bob, 'Email', 0 as Modseq, 1000), 'tooOld')
    })
  })

  it('goes on where a crash left old rows behind', async () => {
    const db = await filled(100)
    await trimLog(db, alice, 40)
    await db.write([alice], async (tx) => tx.put(changeLogTable, [alice, 5 as Modseq], new Map()))
    for (let i = 101; i <= 160; i++)
      await db.write([alice], async (tx) => tx.changed(alice, 'Email', i, 'updated'))
    await trimLog(db, alice, 40)
    const [first] = await db.read((tx) => tx.list(changeLogTable, [alice], { limit: 1 }))
    assert.ok(first![0][1] > 100)
  })
})
