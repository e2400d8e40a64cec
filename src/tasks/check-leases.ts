/** The check of leases: each can be taken by somebody, now or soon. */
import { anyRowTable, type FindingKind, keyInHex, openRow, rowPages, type Trouble } from '#kv/check.ts'
import type { Db } from '#kv/db.ts'
import { leaseTable } from './lease.ts'

const kind = {
  name: 'lease-damaged',
  means:
    'It cannot be read, or not be believed, who of all servers does some work, such as telling push services of changes: nobody begins it.',
  repair: 'The lease is removed, and whoever is first does the work.',
} as const satisfies FindingKind

/** No lease is that long, whatever clock it was taken by. */
const longestMs = 86_400_000

export async function* leaseTroubles(db: Db, nowMs: number): AsyncGenerator<Trouble> {
  for await (const page of rowPages(db, leaseTable.prefix())) {
    for (const row of page) {
      const opened = openRow(leaseTable, row)
      if (isLease(opened?.value, nowMs)) continue
      yield {
        kind,
        what: opened === undefined ? `key ${keyInHex(row[0])}` : `the lease of ${opened.elements[0]}`,
        fix: (tx) => tx.delete(anyRowTable, [row[0]]),
      }
    }
  }
}

function isLease(value: unknown, nowMs: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { holder, until } = value as Record<string, unknown>
  return typeof holder === 'string' && typeof until === 'number' && until < nowMs + longestMs
}
