/**
 * What is known of destinations while the server runs: how much is on its way to each, how long that takes, and
 * which cannot be reached. Only memory: after a start everything is tried once.
 *
 * What must always hold: a destination that cannot be reached takes one attempt at a time from then on, each
 * later than the last, and never stands in the way of another.
 */
import { Lru } from '#base/lru.ts'
import type { RecipientResult } from './transport.ts'

const maxKnown = 10_000
const firstBlockMs = 30_000
const longestBlockMs = 10 * 60_000
/** What cannot even wait in memory looks again after this, and later the more there is of it. */
const crowdedMs = 1000
/** How long an attempt takes where nobody knows: rather too short, so that no slot stays empty. */
const guessedMs = 20
/** The weight of the last attempt in what an attempt takes. */
const newest = 0.2
/** One that waits for a destination which cannot be reached looks again so long after the one before it. */
const apartMs = 5

interface Known {
  active: number
  failures: number
  /** When the last failure that counts was heard of. */
  failedAt: number
  blockedUntil: number
  /** What was said then. */
  why: RecipientResult | undefined
  attemptMs: number
  /** When an attempt ended last, or the first began. */
  movedAt: number
  /** When the last of those is due that found no place. */
  lastTurn: number
}

/** Not before that time, and the result that stands for all until then, where nobody can be reached. */
export interface Blocked {
  readonly until: number
  readonly why: RecipientResult | undefined
}

export class Destinations {
  readonly #active = new Map<string, Known>()
  /** Those with nothing on its way that failed lately. */
  readonly #failing = new Lru<string, Known>(maxKnown)

  /** `go`: begin; `wait`: enough is on its way. */
  ask(key: string, now: number, most: number): 'go' | 'wait' | Blocked {
    const known = this.#active.get(key) ?? this.#failing.get(key)
    if (known === undefined) return 'go'
    if (isBlocked(known, now)) return { until: known.blockedUntil, why: known.why }
    return known.active >= (known.failures > 0 ? 1 : most) ? 'wait' : 'go'
  }

  begin(key: string, now: number): void {
    const known = this.#active.get(key) ?? this.#failing.get(key) ?? unknown()
    if (known.active === 0) known.movedAt = now
    known.active++
    this.#failing.delete(key)
    this.#active.set(key, known)
  }

  /** `unreachable`: what was said where nobody answered. */
  end(key: string, o: { begunAt: number; now: number; unreachable: RecipientResult | undefined }): void {
    const known = this.#active.get(key)
    if (known === undefined) return
    known.active--
    known.movedAt = o.now
    known.attemptMs += (o.now - o.begunAt - known.attemptMs) * newest
    if (o.unreachable === undefined) clear(known)
    // Of ten that were under way together, the first failure says all.
    else if (o.begunAt >= known.failedAt || o.now < known.failedAt) {
      known.failures++
      known.failedAt = o.now
      known.blockedUntil = o.now + Math.min(firstBlockMs * 2 ** (known.failures - 1), longestBlockMs)
      known.why = o.unreachable
    }
    if (known.active > 0) return
    this.#active.delete(key)
    if (known.failures > 0) this.#failing.set(key, known)
  }

  /**
   * When one looks again that cannot begin and finds no place to wait: about when its turn comes, so that a
   * backlog is neither looked at nor written all the time.
   */
  turn(key: string, now: number, most: number): number {
    const known = this.#active.get(key) ?? this.#failing.get(key)
    if (known === undefined) return now + crowdedMs
    const first = isBlocked(known, now) ? known.blockedUntil : now + crowdedMs
    const apart = known.failures > 0 ? apartMs : pace(known, now, most)
    const last = Math.min(known.lastTurn, first + longestBlockMs)
    known.lastTurn = Math.max(last, first) + apart
    return Math.floor(Math.min(known.lastTurn, first + longestBlockMs))
  }

  /** An administrator wants it tried now. */
  forgive(key: string): void {
    const known = this.#active.get(key) ?? this.#failing.get(key)
    if (known !== undefined) clear(known)
  }
}

/** What ends later than any block does was said when the clock was ahead. */
const isBlocked = ({ blockedUntil }: Known, now: number): boolean =>
  blockedUntil > now && blockedUntil <= now + longestBlockMs

/**
 * How long until one more may begin. Half of what it took so far: looking too early costs little, and an empty
 * slot more. Where nothing has ended for a while, it takes at least that.
 */
function pace({ attemptMs, movedAt }: Known, now: number, most: number): number {
  const stillMs = now - movedAt
  return Math.max(attemptMs / most, stillMs < crowdedMs ? 0 : stillMs) / 2
}

const unknown = (): Known => ({
  active: 0,
  failures: 0,
  failedAt: 0,
  blockedUntil: 0,
  why: undefined,
  attemptMs: guessedMs,
  movedAt: 0,
  lastTurn: 0,
})

function clear(known: Known): void {
  known.failures = 0
  known.blockedUntil = 0
  known.why = undefined
}
