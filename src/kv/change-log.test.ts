import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountId, MailboxId, Modseq, Uid } from '#base/id.ts'
import { MemoryBlobs } from '#blob/engines/memory.ts'
import { LocalBus } from '#bus/engines/local.ts'
import { type Changes, entriesSince, expungedSince, mergeChange } from './change-log.ts'
import { KvDb } from './db.ts'
import { MemoryEngine } from './engines/memory.ts'
import type { ReadTx } from './tx.ts'

const account = 7 as AccountId
const mailbox = 3 as MailboxId

async function told(tx: ReadTx, from: number): Promise<readonly [numbers: number[], uids: number[]]> {
  const entries = await entriesSince(tx, account, from as Modseq, 256)
  const uids = await expungedSince(tx, account, mailbox, from as Modseq)
  assert.ok(entries !== 'tooOld' && uids !== 'tooOld')
  return [entries.map(([modseq]) => modseq), [...uids]]
}

test('the log is the same however many numbers lie in between, also for writers that share a commit', async () => {
  const db = new KvDb(
    new MemoryEngine(new MemoryBlobs()),
    new LocalBus({
      onError: (error) => {
        throw error
      },
    }),
  )
  // What each writer sees of those before it.
  const seen = new Map<number, readonly [number[], number[]]>()
  const write = (n: number): Promise<void> =>
    db.write([account], async (tx) => {
      const number = tx.modseq(account)
      seen.set(number, await told(tx, Math.max(0, number - 1 - (n % 14))))
      // Of some commits the log says nothing.
      if (n % 3 !== 0) tx.changed(account, 'Email', n, 'updated')
      if (n % 2 === 0) tx.expunged(account, mailbox, [(100 - n) as Uid, (200 + n) as Uid])
      if (n % 6 === 3) tx.changed(account, 'Mailbox', n, 'updated')
    })
  let n = 1
  for (const together of [1, 1, 5, 20, 2, 1, 7])
    await Promise.all(Array.from({ length: together }, () => write(n++)))

  const [allNumbers, allUids] = await db.read((tx) => told(tx, 0))
  assert.equal(allNumbers.at(-1), n - 1)
  const uidsOf = new Map<number, readonly number[]>()
  for (let number = 1; number < n; number++)
    if (number % 2 === 0) uidsOf.set(number, [100 - number, 200 + number])
  const expected = (from: number, to: number): readonly [number[], number[]] => [
    allNumbers.filter((number) => number > from && number <= to),
    [...uidsOf]
      .flatMap(([number, uids]) => (number > from && number <= to ? uids : []))
      .toSorted((a, b) => a - b),
  ]
  assert.deepEqual(allUids, expected(0, n)[1])
  for (let from = 0; from < n; from++)
    assert.deepEqual(await db.read((tx) => told(tx, from)), expected(from, n))
  assert.equal(seen.size, n - 1)
  for (const [number, found] of seen)
    assert.deepEqual(found, expected(Math.max(0, number - 1 - (number % 14)), number - 1), `writer ${number}`)
})

test('what was destroyed and is there again is told as updated, also as earlier releases wrote it', () => {
  for (const again of ['restored', 'created'] as const) {
    const changes: Changes = new Map()
    for (const how of ['destroyed', 'updated', again] as const) mergeChange(changes, 5, how)
    assert.deepEqual([...changes], [[5, 'updated']], again)
  }
})
