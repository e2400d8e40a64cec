/** What the tests of this folder share: a store in memory with accounts, and telemetry that is kept. */
import { randomBytes } from 'node:crypto'
import { MemoryBlobs } from '#blob/engines/memory.ts'
import { LocalBus } from '#bus/engines/local.ts'
import { KvDb } from '#kv/db.ts'
import { MemoryEngine } from '#kv/engines/memory.ts'
import type { Settings } from '#settings/object.ts'
import { fallbacksOf } from '#settings/values.ts'
import { silentTelemetry, type Telemetry } from '#telemetry/telemetry.ts'
import { fixedClock } from '#base/clock.ts'
import type { AccountId } from '#base/id.ts'
import type { Access } from './access.ts'
import { Accounts } from './account.ts'
import { hasherOnThisThread, type PasswordHasher } from './hash-pool.ts'
import type { WantedVerifiers } from './hash-work.ts'
import { builtInRoles } from './permission.ts'
import { PasswordPolicy } from './password-policy.ts'
import type { SaslSignIn } from './sasl/mechanism.ts'
import { SignIn } from './sign-in.ts'
import type { Strength } from './strength.ts'
import { deriveScramKeys, type ScramKeys, writeScramKeys } from './verifiers/scram-keys.ts'

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

/** Sign-in for tests of protocols, which know of passwords only. */
export const passwordsOnly = (password: SaslSignIn['password']): SaslSignIn => ({
  password,
  scram: () => Promise.reject(new Error('not in this test')),
  certificate: () => Promise.reject(new Error('not in this test')),
})

/** As `passwordsOnly`, for a user with these keys. */
export const keysOnly = (keys: ScramKeys, access: Access): SaslSignIn => ({
  ...passwordsOnly(async () => 'wrong'),
  scram: async () => ({ keys, finish: async (problem) => (problem === undefined ? access : 'wrong') }),
})

export interface Told {
  readonly event: string
  readonly [field: string]: unknown
}

/** As new hashes begin, so that none is made anew. */
const quickStart = '$argon2id$v=19$m=19456,t=2,p=1$quick'

/** Stands for argon2 where a test is not about it: quick, and counts what it was asked. */
export class QuickHasher implements PasswordHasher {
  verified = 0
  strengths = 0
  async make(prepared: string, wanted: WantedVerifiers): Promise<readonly string[]> {
    return [
      `${quickStart}${Math.random()}:${prepared}`,
      ...(wanted.scramKeys ? [quickScramKeys(prepared)] : []),
    ]
  }
  async strength(): Promise<Strength> {
    this.strengths++
    return { score: 4, advice: '' }
  }
  async verify(hash: string, prepared: string): Promise<boolean> {
    this.verified++
    return hash.startsWith(quickStart) && hash.slice(hash.indexOf(':') + 1) === prepared
  }
}

const quickScramKeys = (prepared: string): string =>
  writeScramKeys(deriveScramKeys(Buffer.from(prepared), randomBytes(16), 4096))

/** As they are without a configuration, apart from these. */
export const settingsWith = (overrides: Readonly<Record<string, unknown>>): Pick<Settings, 'get'> => ({
  get: (object) => ({ ...(fallbacksOf(object.fields) as object), ...overrides }) as never,
})

export function makeStore(o: { realHashes?: boolean; settings?: Readonly<Record<string, unknown>> } = {}) {
  const bus = new LocalBus({
    onError: (error) => {
      throw error
    },
  })
  const blobs = new MemoryBlobs()
  const engine = new MemoryEngine(blobs)
  const db = new KvDb(engine, bus)
  const told: Told[] = []
  const telemetry: Telemetry = {
    ...silentTelemetry,
    emit: (kind, values) => void told.push({ event: kind.name, ...values }),
  }
  const clock = fixedClock(1_700_000_000_000)
  const quick = new QuickHasher()
  const hasher: PasswordHasher = o.realHashes === true ? hasherOnThisThread() : quick
  // The lists of words for judging passwords take half a second, which tests of hashes are not about.
  const judged = o.realHashes === true ? { passwordMinStrength: 'zero' } : {}
  const settings: Pick<Settings, 'get'> = {
    get: (object) => settingsWith({ ...judged, ...o.settings }).get(object),
  }
  const passwords = new PasswordPolicy({ settings, passwords: hasher })
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
  const signIn = new SignIn({ db, passwords: hasher, settings, telemetry, clock })
  /** As another worker has it. */
  const anotherSignIn = (): SignIn => new SignIn({ db, passwords: hasher, settings, telemetry, clock })
  return {
    anotherSignIn,
    blobs,
    settings,
    hasher,
    bus,
    engine,
    db,
    told,
    telemetry,
    clock,
    quick,
    passwords,
    provisioned,
    accounts,
    signIn,
  }
}
