/** What the tests of this folder share: a store in memory with accounts, and telemetry that is kept. */
import { MemoryBlobs } from '#blob/engines/memory.ts'
import { LocalBus } from '#bus/engines/local.ts'
import { KvDb } from '#kv/db.ts'
import { MemoryEngine } from '#kv/engines/memory.ts'
import { silentTelemetry, type Telemetry } from '#telemetry/telemetry.ts'
import { fixedClock } from '#base/clock.ts'
import type { AccountId } from '#base/id.ts'
import type { Access } from './access.ts'
import { Accounts } from './account.ts'
import { hasherOnThisThread, type PasswordHasher } from './hash-pool.ts'
import { builtInRoles } from './permission.ts'
import { SignIn } from './sign-in.ts'

/** What a user with the usual role has. */
export const userAccess = (account: number, name: string, emails: readonly string[] = [name]): Access => ({
  account: account as AccountId,
  name,
  emails,
  groups: [],
  permissions: new Set(builtInRoles.get('user')!.enabled),
})

/** Where rights do not change. */
export const noWatch = { watch: () => ({ [Symbol.dispose]: () => undefined }) }

export interface Told {
  readonly event: string
  readonly [field: string]: unknown
}

/** Stands for argon2 where a test is not about it: quick, and counts what it was asked. */
export class QuickHasher implements PasswordHasher {
  verified = 0
  async hash(prepared: string): Promise<string> {
    return `quick:${Math.random()}:${prepared}`
  }
  async verify(hash: string, prepared: string): Promise<boolean> {
    this.verified++
    return hash.startsWith('quick:') && hash.slice(hash.indexOf(':', 6) + 1) === prepared
  }
}

export function makeStore(o: { realHashes?: boolean } = {}) {
  const bus = new LocalBus({
    onError: (error) => {
      throw error
    },
  })
  const engine = new MemoryEngine(new MemoryBlobs())
  const db = new KvDb(engine, bus)
  const told: Told[] = []
  const telemetry: Telemetry = {
    ...silentTelemetry,
    emit: (kind, values) => void told.push({ event: kind.name, ...values }),
  }
  const clock = fixedClock(1_700_000_000_000)
  const quick = new QuickHasher()
  const passwords = o.realHashes === true ? hasherOnThisThread : quick
  const provisioned: number[] = []
  const accounts = new Accounts({
    db,
    bus,
    passwords,
    telemetry,
    clock,
    provision: async (tx, account) => {
      tx.changed(account, 'Mailbox', 1, 'created')
      provisioned.push(account)
    },
  })
  const signIn = new SignIn({ db, passwords, telemetry, clock })
  return { bus, engine, db, told, telemetry, clock, quick, passwords, provisioned, accounts, signIn }
}
