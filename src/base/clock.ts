/** Time as a parameter, so that tests own it. Milliseconds since 1970-01-01 UTC. */
export interface Clock {
  now(): number
}

export const systemClock: Clock = { now: () => Date.now() }

/** A clock that stands still until told otherwise. */
export function fixedClock(startMs: number): Clock & { advance(ms: number): void } {
  let at = startMs
  return {
    now: () => at,
    advance: (ms) => {
      at += ms
    },
  }
}

/** How far this machine's time is ahead of UTC, as date fields say it (RFC 5322 §3.3). */
export const localZoneMinutes = (ms: number): number => -new Date(ms).getTimezoneOffset()
