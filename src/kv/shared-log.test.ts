import assert from 'node:assert/strict'
import { it } from 'node:test'
import { LocalBus } from '#bus/engines/local.ts'
import type { AccountId, MailboxId, Modseq } from '#base/id.ts'
import { KvDb } from './db.ts'
import { MemoryEngine } from './engines/memory.ts'
import { logShared, sharedSince } from './shared-log.ts'

const alice = 1 as AccountId
const mailbox = 3 as MailboxId

// Planted faults that turn it red: what left is kept where it comes back, and the other way round; the rights before
// are those of the last call.
it('tells by one number what is different after all that a writer did', async () => {
  const db = new KvDb(new MemoryEngine(), new LocalBus({ onError: (error) => assert.fail(String(error)) }))
  await db.write([alice], async (tx) => {
    await logShared(tx, alice, mailbox, {
      came: new Map([
        [9, 4],
        [7, 7],
      ]),
      left: new Map([[300, 1]]),
    })
    await logShared(tx, alice, mailbox, { rightsBefore: Buffer.from('first') })
    await logShared(tx, alice, mailbox, { came: new Map([[300, 1]]), left: new Map([[7, 7]]) })
    await logShared(tx, alice, mailbox, { left: new Map([[8, 8]]), rightsBefore: Buffer.from('second') })
  })
  await db.write([alice], (tx) => logShared(tx, alice, mailbox, { left: new Map([[9, 4]]) }))
  const rows = await db.read((tx) => sharedSince(tx, alice, mailbox, 0 as Modseq))
  assert.ok(rows !== 'tooOld')
  const told = rows.map(([modseq, { came, left, rightsBefore }]) => [
    modseq,
    [...came],
    [...left],
    Buffer.from(rightsBefore).toString(),
  ])
  assert.deepEqual(told, [
    [1, [[9, 4]], [[8, 8]], 'first'],
    [2, [], [[9, 4]], ''],
  ])
})
