/**
 * Who may send to push services now: so many requests at once, few of one account, and others wait in turns; a push
 * service that is slow holds up only those who use it.
 */
import type { AccountId } from '#base/id.ts'
import { FairQueue } from '#base/fair-queue.ts'
import { RunningCount } from '#base/running-count.ts'

const mostAtOnce = 64
const mostOfAccount = 4

export class PushTurns {
  readonly #running = new RunningCount<AccountId>()
  readonly #waiting = new FairQueue<() => void>({ most: Infinity, mostOfOne: Infinity })
  #count = 0

  async run<T>(account: AccountId, work: () => Promise<T>): Promise<T> {
    const slot = this.#take(account) ?? (await this.#turn(account))
    try {
      return await work()
    } finally {
      this.#count--
      slot[Symbol.dispose]()
      this.#waiting.shift((source) => this.#mayRun(Number(source) as AccountId))?.()
    }
  }

  #mayRun(account: AccountId): boolean {
    return this.#count < mostAtOnce && this.#running.of(account) < mostOfAccount
  }

  #take(account: AccountId): Disposable | undefined {
    if (!this.#mayRun(account)) return undefined
    this.#count++
    return this.#running.take(account, mostOfAccount)
  }

  #turn(account: AccountId): Promise<Disposable> {
    return new Promise((resolve) => {
      this.#waiting.push(String(account), () => resolve(this.#take(account)!))
    })
  }
}
