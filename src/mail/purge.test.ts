import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountId } from '#base/id.ts'
import { LocalBus } from '#bus/engines/local.ts'
import { KvDb } from '#kv/db.ts'
import { MemoryEngine } from '#kv/engines/memory.ts'
import { createMailbox, listMailboxes, provisionAccount } from './mailbox.ts'
import { purgeAccount } from './purge.ts'

// Planted, each red: UIDVALIDITY begins at the time; what a purge takes away is not noted.
test('RFC 9051 §2.3.1.1: an account that comes again has no UIDVALIDITY of the one before, wherever the clock is', async () => {
  const db = new KvDb(new MemoryEngine(), new LocalBus({ onError: (error) => assert.fail(String(error)) }))
  const seen = new Set<number>()
  const day = 86_400_000
  const begun = Date.UTC(2026, 10, 29)
  for (const [i, createdAt] of [begun, begun, begun - day, begun + 1000, begun + day].entries()) {
    const account = (i + 1) as AccountId
    await db.write([account], (tx) => provisionAccount(tx, account, createdAt))
    for (let n = 0; n < 3; n++)
      await db.write([account], (tx) => createMailbox(tx, account, { name: `Work ${n}`, parent: 0 }))
    for (const { uidValidity } of await db.read((tx) => listMailboxes(tx, account))) {
      assert.ok(!seen.has(uidValidity), `${uidValidity} comes again`)
      seen.add(uidValidity)
    }
    await purgeAccount(db, account, new AbortController().signal)
  }
})
