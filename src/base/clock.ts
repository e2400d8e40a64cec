/** Time as a parameter, so that tests own it. Milliseconds since 1970-01-01 UTC. */
export interface Clock {
  now(): number
}

export const systemClock: Clock = { now: () => Date.now() }

/**
 * For how long something has been, and nothing that is shown or outlives the process: it rises evenly, whatever is done
 * to the time of the machine, and is the same on all threads.
 */
export const steadyClock: Clock = {
  now() {
    const [seconds, nanoseconds] = process.hrtime()
    // Zero is long ago, also on a machine that was started just now.
    return 2 ** 40 + 1000 * seconds + nanoseconds / 1e6
  },
}

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
