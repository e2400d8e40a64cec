/**
 * All push subscriptions at work: those that are there at the start, and those that come. Of all workers and machines
 * of a store one has it at a time, by a lease (`server/background/push.ts`): another begins where the rows say that it stopped.
 */
import { setImmediate as breathe } from 'node:timers/promises'
import {
  onPushSubscriptions,
  type PushSubscriptionId,
  pushSubscriptionTable,
} from '#account/push-subscription.ts'
import type { AccountId } from '#base/id.ts'
import type { Bus } from '#bus/bus.ts'
import { type PushServices, PushSubscriber } from './push-subscriber.ts'

/** For hints that were lost. */
const lookAgainMs = 10 * 60_000
const perPage = 100

type Key = readonly [AccountId, PushSubscriptionId]

interface Running {
  readonly subscriber: PushSubscriber
  readonly over: Promise<void>
}

export class PushDispatcher implements AsyncDisposable {
  readonly #o: PushServices
  readonly #running = new Map<string, Running>()
  readonly #end = new AbortController()
  readonly #hints: Disposable
  readonly #timer: NodeJS.Timeout
  #looking: Promise<void> = Promise.resolve()

  constructor(bus: Bus, o: PushServices) {
    this.#o = o
    this.#hints = onPushSubscriptions(bus, (account) => this.#look(account === 'all' ? [] : [account]))
    this.#timer = setInterval(() => this.#look([]), lookAgainMs)
    this.#timer.unref()
    this.#look([])
  }

  /** When all that is there has been found. */
  settled(): Promise<void> {
    return this.#looking
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort()
    clearInterval(this.#timer)
    this.#hints[Symbol.dispose]()
    await this.#looking
    await Promise.all([...this.#running.values()].map(({ over }) => over))
  }

  /** At those of an account, or at all. */
  #look(prefix: readonly AccountId[]): void {
    this.#looking = this.#looking
      .then(() => this.#lookAt(prefix))
      .catch(() => {
        // The next look finds them.
      })
  }

  async #lookAt(prefix: readonly AccountId[]): Promise<void> {
    const known = [...this.#running]
    for (let after: Key | undefined; !this.#end.signal.aborted;) {
      const o = after === undefined ? { limit: perPage } : { limit: perPage, after }
      const rows = await this.#o.services.db.read((tx) => tx.list(pushSubscriptionTable, prefix, o))
      for (const [key] of rows) this.#begin(key)
      after = rows.at(-1)?.[0]
      if (rows.length < perPage) break
      await breathe()
    }
    // Those that were destroyed learn it too.
    const [account] = prefix
    for (const [key, { subscriber }] of known)
      if (account === undefined || key.startsWith(`${account} `)) subscriber.look()
  }

  #begin([account, id]: Key): void {
    const key = `${account} ${id}`
    if (this.#running.has(key) || this.#end.signal.aborted) return
    const subscriber = new PushSubscriber(account, id, this.#o)
    const over = subscriber.run(this.#end.signal).finally(() => this.#running.delete(key))
    this.#running.set(key, { subscriber, over })
  }
}
