/** What methods work with; `server/boot.ts` fills it. */
import type { Clock } from '#base/clock.ts'
import type { AccountId } from '#base/id.ts'
import type { BlobStore } from '#blob/store.ts'
import type { Bus } from '#bus/bus.ts'
import type { Db } from '#kv/db.ts'
import type { TypeStates } from '#kv/type-states.ts'
import type { MailLimits } from '#mail/limits.ts'
import type { SmimeStatuses } from '#mail/smime-status.ts'
import type { PartSizes } from '#mail/part-sizes.ts'
import type { Submitter } from '#mail/submission/submitter.ts'
import type { Directory, Principal, Principals } from '#mail/principal.ts'
import type { AccountViews } from '#mail/view.ts'
import type { SearchIndexes } from '#search/indexes.ts'
import type { Settings } from '#settings/object.ts'
import type { KeptContents } from './email/kept-contents.ts'
import type { PrincipalHistory } from './principal-history.ts'
import type { JmapRunning } from './running.ts'
import type { Vapid } from './vapid.ts'

export interface JmapServices {
  readonly db: Db
  readonly blobs: BlobStore
  readonly partSizes: PartSizes
  readonly contents: KeptContents
  readonly views: AccountViews
  readonly indexes: SearchIndexes
  readonly states: TypeStates
  readonly smime: SmimeStatuses
  readonly principals: Principals
  readonly directory: Directory
  readonly principalHistory: PrincipalHistory
  /** What IMAP shows before the paths of somebody's mailboxes, where subscriptions say what they are to. */
  readonly pathPrefixOf: (owner: Principal) => string
  readonly limitsOf: (account: AccountId) => Promise<MailLimits>
  readonly submitter: Submitter
  readonly settings: Pick<Settings, 'get'>
  readonly clock: Clock
  readonly bus: Bus
  readonly vapid: Vapid
  readonly running: JmapRunning
}
