/**
 * When a recipient is tried again, when its sender hears of the delay, and when it is given up. Pure: times in,
 * times out, all in milliseconds.
 */

export interface Schedule {
  /** Waits between attempts; the last one repeats. */
  readonly retryMs: readonly number[]
  /** After the message came in: when a delay is told. */
  readonly notifyMs: readonly number[]
  /** After the message came in: when it is given up. */
  readonly expireMs: number
}

/** After `attempts` tries, the last one at `now`. Never after the expiry, so that it is given up in time. */
export function nextAttempt(schedule: Schedule, attempts: number, now: number, expiresAt: number): number {
  const { retryMs } = schedule
  const wait = retryMs[Math.min(attempts, retryMs.length) - 1] ?? schedule.expireMs
  return Math.max(now + 1, Math.min(now + wait, expiresAt))
}

/** How many delay notices are due by now. */
export const noticesDue = (schedule: Schedule, receivedAt: number, now: number): number =>
  schedule.notifyMs.filter((after) => receivedAt + after <= now).length
