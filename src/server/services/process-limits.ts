/**
 * Everything that is counted for the whole process, at whichever worker a client is: the main thread makes the memory,
 * and each worker is started with it. Who counts gets a counter and knows nothing of workers.
 *
 * What runs on is given back when it ends. A worker that fails ends the process, and its counts with it.
 */
import type { AccountId } from '#base/id.ts'
import { newRateMemory, RateLimiter } from '#base/rate.ts'
import { newRunningMemory, RunningCount } from '#base/running-count.ts'
import type { RequestRateLimiters } from '#http/request-rates.ts'
import type { JmapRunning } from '#jmap/running.ts'

const rates = ['accountRequests', 'addressRequests', 'wrongCodes'] as const
const running = [
  'connections',
  'imapSessions',
  'jmapRequests',
  'jmapUploads',
  'webSockets',
  'eventSources',
] as const

/** Can be sent to a thread. */
export type LimitMemory = Readonly<
  Record<(typeof rates)[number] | (typeof running)[number], SharedArrayBuffer>
>

export const newLimitMemory = (): LimitMemory =>
  Object.fromEntries([
    ...rates.map((name) => [name, newRateMemory()] as const),
    ...running.map((name) => [name, newRunningMemory()] as const),
  ]) as LimitMemory

export interface ProcessLimits {
  readonly requests: RequestRateLimiters
  /** Codes of a second factor that were wrong. */
  readonly wrongCodes: RateLimiter<AccountId>
  /** Of listeners by their names, and of networks at them. */
  readonly connections: RunningCount<string>
  readonly imapSessions: RunningCount<AccountId>
  readonly jmap: JmapRunning
}

export const limitsIn = (memory: LimitMemory): ProcessLimits => ({
  requests: {
    accounts: new RateLimiter(memory.accountRequests),
    networks: new RateLimiter(memory.addressRequests),
  },
  wrongCodes: new RateLimiter(memory.wrongCodes),
  connections: new RunningCount(memory.connections),
  imapSessions: new RunningCount(memory.imapSessions),
  jmap: {
    requests: new RunningCount(memory.jmapRequests),
    uploads: new RunningCount(memory.jmapUploads),
    webSockets: new RunningCount(memory.webSockets),
    eventSources: new RunningCount(memory.eventSources),
  },
})
