/** What sessions work with; the same for all of a worker. */
import type { AccessWatch } from '#account/access-watch.ts'
import type { Access } from '#account/access.ts'
import type { AccountWatch } from '#account/account-watch.ts'
import type { SaslSignIn } from '#account/sasl/mechanism.ts'
import type { SaslMechanisms } from '#account/sasl/mechanisms.ts'
import type { Clock } from '#base/clock.ts'
import type { AccountId } from '#base/id.ts'
import type { BlobStore } from '#blob/store.ts'
import type { UserSessions } from './user-sessions.ts'
import type { Db } from '#kv/db.ts'
import type { MailLimits } from '#mail/limits.ts'
import type { Principals } from '#mail/principal.ts'
import type { AccountViews } from '#mail/view.ts'
import type { SearchIndexes } from '#search/indexes.ts'
import type { Settings } from '#settings/object.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'

export interface ImapServices {
  readonly db: Db
  readonly blobs: BlobStore
  readonly views: AccountViews
  readonly indexes: SearchIndexes
  readonly signIn: SaslSignIn
  readonly mechanisms: Pick<SaslMechanisms, 'offered' | 'find'>
  readonly limitsOf: (account: AccountId) => Promise<MailLimits>
  /** Sets what an account may hold, if `by` may do that. Throws Faults. */
  readonly setLimits: (by: Access, ip: string, account: AccountId, limits: MailLimits) => Promise<void>
  /** The address of the JMAP session (RFC 8620 §2), where others can reach it. */
  readonly jmapUrl: () => string | undefined
  readonly principals: Principals
  /** Undefined for whoever may not sign in. */
  readonly accessOf: (account: AccountId) => Promise<Access | undefined>
  readonly watch: AccountWatch
  readonly userSessions: UserSessions
  readonly accessWatch: Pick<AccessWatch, 'watch'>
  readonly settings: Settings
  readonly telemetry: Telemetry
  readonly clock: Clock
  /** For ID: what this server is. */
  readonly version: string
}
