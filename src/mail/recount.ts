/**
 * Counts anew what an account holds. The counters are exact as long as nothing is damaged; this is for an
 * administrator who does not believe them, without stopping the server.
 *
 * What must always hold: counted and written in one commit, so that nothing comes in between.
 */
import type { AccountId } from '#base/id.ts'
import type { Db } from '#kv/db.ts'
import { countersTable, messageTable } from './tables.ts'

const perPage = 1000

export interface Recount {
  readonly before: number
  readonly usedBytes: number
}

/** Undefined for an account that has no mail. */
export function recountUsage(db: Db, account: AccountId): Promise<Recount | undefined> {
  return db.write([account], async (tx) => {
    const counters = await tx.get(countersTable, account)
    if (counters === undefined) return undefined
    let usedBytes = 0
    let messages = 0
    for (let after: readonly [AccountId, (typeof counters)['nextMessage']] | undefined; ;) {
      const from = after === undefined ? {} : { after }
      const page = await tx.list(messageTable, [account], { limit: perPage, ...from })
      for (const [, row] of page) usedBytes += row.prefix.length + row.blobBytes
      messages += page.length
      if (page.length < perPage) break
      after = page.at(-1)![0]
    }
    if (counters.usedBytes !== usedBytes || counters.messages !== messages)
      tx.put(countersTable, [account], { ...counters, usedBytes, messages })
    return { before: counters.usedBytes, usedBytes }
  })
}
