/** What only a first start has to do, looked for at every start. */
import { ensureAdmin } from '#account/administrator.ts'
import { domainTable } from '#account/tables.ts'
import type { Clock } from '#base/clock.ts'
import type { Db } from '#kv/db.ts'
import type { Settings } from '#settings/object.ts'
import type { Services } from './boot.ts'
import { fallbackAdmin } from './settings.ts'

/** The administrator's new password; undefined where there is one already, in the store or the configuration. */
export async function firstAdminPassword(
  settings: Settings,
  { store, passwords }: Services,
  clock: Clock,
): Promise<string | undefined> {
  if (settings.get(fallbackAdmin).secret !== undefined) return undefined
  return ensureAdmin({ db: store.db, passwords, clock })
}

/** Whether somebody has begun to set the server up. */
export const hasDomains = (db: Db): Promise<boolean> =>
  db.read(async (tx) => (await tx.list(domainTable, [], { limit: 1 })).length > 0)
