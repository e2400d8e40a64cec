import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountId } from '#base/id.ts'
import { LocalBus } from '#bus/engines/local.ts'
import { KvDb } from '#kv/db.ts'
import { MemoryEngine } from '#kv/engines/memory.ts'
import { auditAction, auditState, listAudit } from './audit.ts'

// Planted: the state is the key of the newest entry.
test('the state is another one after every entry, also where the clock went back', async () => {
  const db = new KvDb(new MemoryEngine(), new LocalBus({ onError: (error) => assert.fail(String(error)) }))
  const actor = { name: 'admin', account: 0 as AccountId, ip: '', protocol: 'http' as const }
  const read = async (): Promise<string> => String(await db.read(auditState))
  const states = new Set([await read()])
  const times = [1_000_000, 1_000_000, 500_000, 500_001, 2_000_000]
  for (const [i, atMs] of times.entries()) {
    await db.write([], async (tx) => auditAction(tx, { atMs, nonce: `0000000${i}` }, actor, 'Done', {}))
    states.add(await read())
  }
  assert.equal(states.size, times.length + 1)
  const all = await db.read((tx) => listAudit(tx, { limit: 10 }))
  assert.equal(all.length, times.length)
})
