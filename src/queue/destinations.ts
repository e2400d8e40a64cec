/**
 * What is known of destinations while the server runs: how much is on its way to each, and which cannot be
 * reached. Only memory: after a start everything is tried once.
 *
 * What must always hold: a destination that cannot be reached takes one attempt at a time from then on, each
 * later than the last, and never stands in the way of another.
 */
import { Lru } from '#base/lru.ts'

const maxKnown = 10_000
const firstBlockMs = 30_000
const longestBlockMs = 10 * 60_000

interface Known {
  active: number
  failures: number
  blockedUntil: number
}

export class Destinations {
  readonly #active = new Map<string, Known>()
  /** Those with nothing on its way that failed lately. */
  readonly #failing = new Lru<string, Known>(maxKnown)

  /** `go`: begin; `wait`: enough is on its way; a number: not before that time. */
  ask(key: string, now: number, most: number): 'go' | 'wait' | number {
    const known = this.#active.get(key) ?? this.#failing.get(key)
    if (known === undefined) return 'go'
    if (known.blockedUntil > now) return known.blockedUntil
    if (known.active >= (known.failures > 0 ? 1 : most)) return 'wait'
    return 'go'
  }

  begin(key: string): void {
    const known = this.#active.get(key) ??
      this.#failing.get(key) ?? { active: 0, failures: 0, blockedUntil: 0 }
    known.active++
    this.#failing.delete(key)
    this.#active.set(key, known)
  }

  end(key: string, now: number, isUnreachable: boolean): void {
    const known = this.#active.get(key)
    if (known === undefined) return
    known.active--
    if (isUnreachable) {
      known.failures++
      known.blockedUntil = now + Math.min(firstBlockMs * 2 ** (known.failures - 1), longestBlockMs)
    } else {
      known.failures = 0
      known.blockedUntil = 0
    }
    if (known.active > 0) return
    this.#active.delete(key)
    if (known.failures > 0) this.#failing.set(key, known)
  }

  /** An administrator wants it tried now. */
  forgive(key: string): void {
    const known = this.#active.get(key) ?? this.#failing.get(key)
    if (known === undefined) return
    known.failures = 0
    known.blockedUntil = 0
  }
}
