/** What goes on at once of each user: counted over all workers, where they have the same memory for it. */
import type { AccountId } from '#base/id.ts'
import { RunningCount } from '#base/running-count.ts'

export interface JmapRunning {
  readonly requests: RunningCount<AccountId>
  readonly uploads: RunningCount<AccountId>
  readonly webSockets: RunningCount<AccountId>
  readonly eventSources: RunningCount<AccountId>
}

/** Of one worker. */
export const newJmapRunning = (): JmapRunning => ({
  requests: new RunningCount(),
  uploads: new RunningCount(),
  webSockets: new RunningCount(),
  eventSources: new RunningCount(),
})
