/** What those who manage the queue ask of its manager. */
import type { Paused, QueueId } from './tables.ts'

export interface QueueControl {
  /** Nothing new is begun; undefined: it runs. */
  readonly paused: Paused | undefined
  /** Attempts under way. */
  readonly active: number
  /** Durable; settled when it is. What is on its way goes on. */
  pause(by: string): Promise<void>
  resume(by: string): Promise<void>
  /** Whether a recipient is in an attempt, or its notification is being made. */
  isTaken(id: QueueId, n: number): boolean
  /** Somebody wants mail for these to be tried now: what is known against their destinations is forgotten. */
  hurry(addresses: readonly string[]): void
}
