/** What only a first start has to do, looked for at every start. */
import { ensureAdmin } from '#account/administrator.ts'
import { domainTable } from '#account/tables.ts'
import type { Clock } from '#base/clock.ts'
import type { Settings } from '#settings/object.ts'
import type { Services } from '../services/services.ts'
import { fallbackAdmin } from '../settings.ts'

export interface FirstRun {
  /** The administrator's new one; undefined where there is one already, in the store or the configuration. */
  readonly adminPassword: string | undefined
  /** Somebody has begun to set the server up. */
  readonly hasDomains: boolean
}

export async function firstRun(
  settings: Settings,
  { store: { db }, passwords }: Services,
  clock: Clock,
): Promise<FirstRun> {
  const isGiven = settings.get(fallbackAdmin).secret !== undefined
  const adminPassword = isGiven ? undefined : await ensureAdmin({ db, passwords, clock })
  const [domain] = await db.read((tx) => tx.list(domainTable, [], { limit: 1 }))
  return { adminPassword, hasDomains: domain !== undefined }
}
