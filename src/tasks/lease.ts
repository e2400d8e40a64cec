/**
 * Work that one of all workers and machines of a store does at a time, for as long as it is there: whoever has the
 * lease renews it, and another takes it over when it was given back, or ran out. Durable work with an end is a task,
 * which has its lease in its own row (`scheduler.ts`).
 *
 * What must always hold: work ends before its lease can be another's, so it is ended when a renewal was not written
 * in time, whatever kept it. Clocks of machines may differ by a third of the lease. A holder that was there before, and
 * stopped without a word, begins again at once: no two have its name at the same time.
 */
import timers from 'node:timers/promises'
import type { Clock } from '#base/clock.ts'
import { json } from '#kv/codec.ts'
import type { Db } from '#kv/db.ts'
import { text } from '#kv/key.ts'
import { globalTable } from '#kv/table.ts'

interface LeaseRow {
  readonly holder: string
  /** Milliseconds; from then on anybody may take it. */
  readonly until: number
}

export const leaseTable = globalTable({ name: 'lease', letter: 'H', key: [text()], value: json<LeaseRow>() })

export interface LeaseOptions {
  readonly db: Db
  readonly clock: Clock
  /** One name for each that may have it. */
  readonly holder: string
  /** How long one that stops without a word keeps others waiting, milliseconds. */
  readonly leaseMs: number
}

export class LeasedWork implements AsyncDisposable {
  readonly #name: string
  readonly #o: LeaseOptions
  readonly #begin: () => AsyncDisposable
  readonly #stop = new AbortController()
  readonly #over: Promise<void>

  /** `begin` returns what works until it is disposed, and has ended when that resolves. */
  constructor(name: string, o: LeaseOptions, begin: () => AsyncDisposable) {
    this.#name = name
    this.#o = o
    this.#begin = begin
    this.#over = this.#run()
  }

  /** Ends the work and gives the lease back. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#over
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      const takenAt = performance.now()
      if (await this.#take()) await this.#work(takenAt)
      await timers.setTimeout(this.#o.leaseMs / 3, undefined, { signal }).catch(() => undefined)
    }
  }

  async #work(takenAt: number): Promise<void> {
    const lost = new AbortController()
    const guard = new Guard(() => lost.abort(), (this.#o.leaseMs * 2) / 3, takenAt)
    let renewal = Promise.resolve()
    const renewals = setInterval(() => {
      const at = performance.now()
      renewal = renewal.then(async () => {
        if (await this.#take()) guard.renew(at)
      })
    }, this.#o.leaseMs / 3)
    try {
      await using _work = this.#begin()
      await fired(AbortSignal.any([this.#stop.signal, lost.signal]))
    } finally {
      clearInterval(renewals)
      await renewal
      guard[Symbol.dispose]()
    }
    await this.#giveBack()
  }

  /** Takes it, or has it longer. False where it is another's, or nothing can be written. */
  #take(): Promise<boolean> {
    const { db, clock, holder, leaseMs } = this.#o
    return db
      .write([], async (tx) => {
        const row = await tx.get(leaseTable, this.#name)
        const now = clock.now()
        // Who has it longer than anybody may took it when the clock was ahead.
        const isHeld = row !== undefined && row.until > now && row.until <= now + leaseMs
        if (isHeld && row.holder !== holder) return false
        tx.put(leaseTable, [this.#name], { holder, until: now + leaseMs })
        return true
      })
      .catch(() => false)
  }

  /** Where it cannot be, it runs out. */
  #giveBack(): Promise<void> {
    const { db, holder } = this.#o
    return db
      .write([], async (tx) => {
        const row = await tx.get(leaseTable, this.#name)
        if (row?.holder === holder) tx.delete(leaseTable, [this.#name])
      })
      .catch(() => undefined)
  }
}

/** Fires so long after the last renewal began. */
class Guard implements Disposable {
  readonly #fire: () => void
  readonly #ms: number
  #timer: NodeJS.Timeout

  constructor(fire: () => void, ms: number, beganAt: number) {
    this.#fire = fire
    this.#ms = ms
    this.#timer = this.#arm(beganAt)
  }

  renew(beganAt: number): void {
    clearTimeout(this.#timer)
    this.#timer = this.#arm(beganAt)
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
  }

  #arm(beganAt: number): NodeJS.Timeout {
    return setTimeout(this.#fire, Math.max(1, beganAt + this.#ms - performance.now()))
  }
}

const fired = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
