/** What a worker is made from, and what its protocols and background work share. */
import type { AccessWatch } from '#account/access-watch.ts'
import type { AccountWatch } from '#account/account-watch.ts'
import type { Accounts } from '#account/account.ts'
import type { HashPool } from '#account/hash-pool.ts'
import type { AccountLimits } from '#account/limits.ts'
import type { PasswordPolicy } from '#account/password-policy.ts'
import type { RememberedSignIns } from '#account/remembered-sign-ins.ts'
import type { SignIn } from '#account/sign-in.ts'
import type { Clock } from '#base/clock.ts'
import type { Bus } from '#bus/bus.ts'
import type { DkimKeys } from '#cert/dkim-keys.ts'
import type { SigningKeys } from '#cert/signing-keys.ts'
import type { ConfiguredResolver } from '#dns/configured.ts'
import type { RequestRates } from '#http/request-rates.ts'
import type { AccountViews } from '#mail/view.ts'
import type { SearchIndexes } from '#search/indexes.ts'
import type { countedSignIn } from './counted-sign-in.ts'
import type { EmbeddedEngine } from '../store/engine-choice.ts'
import type { ProcessLimits } from './process-limits.ts'
import type { ReportServices } from './report-services.ts'
import type { Store } from '../store/store.ts'
import type { Spawn, StoreLine } from '../threads.ts'
import type { Settings } from '#settings/object.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'

export interface WorkerOptions {
  readonly directory: string
  readonly engine: EmbeddedEngine
  readonly line: StoreLine
  readonly bus: Bus
  readonly settings: Settings
  readonly telemetry: Telemetry
  readonly clock: Clock
  readonly spawn: Spawn
  readonly processLimits: ProcessLimits
}

export interface Services extends AsyncDisposable {
  readonly store: Store
  readonly hasher: HashPool
  readonly passwords: PasswordPolicy
  readonly accounts: Accounts
  readonly signIn: SignIn
  readonly rates: RequestRates
  /** For mail programs. */
  readonly mailSignIn: ReturnType<typeof countedSignIn>
  readonly rememberedSignIns: RememberedSignIns
  readonly accessWatch: AccessWatch
  readonly accountWatch: AccountWatch
  readonly limits: AccountLimits
  readonly views: AccountViews
  readonly indexes: SearchIndexes
  readonly dns: ConfiguredResolver
  readonly signingKeys: SigningKeys
  readonly dkimKeys: DkimKeys
  readonly reports: ReportServices
}
