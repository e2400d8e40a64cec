/**
 * Raising an account's sequence where rows show that it was higher: the one write that cannot go through
 * `db.write`, which itself counts from the sequence. Only the check does it, while nothing else runs.
 */
import type { AccountId, Modseq } from '#base/id.ts'
import type { KvEngine } from './backend.ts'
import { keyText } from './key.ts'
import { sequenceTable } from './sequence.ts'

/** At most this; a row that claims more is not believed. */
export const highestSequence = 2 ** 47

export async function raiseSequence(engine: KvEngine, account: AccountId, to: number): Promise<void> {
  const key = sequenceTable.key(account)
  const snapshot = await engine.snapshot()
  const was = await snapshot.get(key)
  snapshot.close()
  if (was !== undefined && isAtLeast(was, to)) return
  const value = sequenceTable.value.encode(to as Modseq)
  const batch = {
    checks: [{ key: keyText(key), was }],
    puts: [{ key: keyText(key), value }],
    deletes: [],
    blobs: [],
  }
  if ((await engine.commit(batch)) === 'conflict') throw new Error('something else writes to this store')
}

function isAtLeast(stored: Uint8Array, to: number): boolean {
  try {
    return sequenceTable.value.decode(stored) >= to
  } catch {
    return false
  }
}
