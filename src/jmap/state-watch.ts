/**
 * Tells whoever is connected what changed for its user, in all accounts that the user can see.
 *
 * Hints of the bus say when to look, and a heartbeat makes up for lost ones; what changed is always read from the
 * change log. A follower asks for the next change when it has told the one before, so however many come in between,
 * and however slow its client, there is at most one to tell, and nothing is kept but numbers.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { Access } from '#account/access.ts'
import type { AccountWatch } from '#account/account-watch.ts'
import type { AccountId } from '#base/id.ts'
import {
  differenceSince,
  type PushServices,
  pushedAccounts,
  pushStateOf,
  readPushState,
  stateChange,
  type Told,
} from './push-state.ts'
import type { JsonObject } from './value.ts'

export interface FollowOptions {
  /** Names of types; null: all. */
  readonly types: ReadonlySet<string> | null
  /** What a client was told last, by an earlier follower; where left out: nothing is new. */
  readonly since?: string | undefined
  /** The least time between two looks; the first is at once. */
  readonly throttleMs: number
}

export interface Pushed {
  /** A StateChange object. */
  readonly change: JsonObject
  readonly pushState: string
}

/** After a look at a store that could not be read. */
const againMs = 5000
/** In one turn of the event loop, a few milliseconds: what concerns thousands holds nobody else up. */
const looksInTurn = 25

/** All followers look by turns. */
class LookTurns {
  readonly #waiting: (() => void)[] = []
  #taken = 0

  take(): Promise<void> {
    if (this.#taken < looksInTurn) {
      this.#taken++
      return Promise.resolve()
    }
    return new Promise((resolve) => {
      if (this.#waiting.push(resolve) === 1) this.#arm()
    })
  }

  #arm(): void {
    setImmediate(() => {
      const some = this.#waiting.splice(0, looksInTurn)
      this.#taken = some.length
      for (const begin of some) begin()
      if (this.#waiting.length > 0) this.#arm()
    })
  }
}

export class StateWatch {
  readonly #services: PushServices
  readonly #accounts: Pick<AccountWatch, 'watch'>
  readonly #turns = new LookTurns()

  constructor(o: { readonly services: PushServices; readonly accountWatch: Pick<AccountWatch, 'watch'> }) {
    this.#services = o.services
    this.#accounts = o.accountWatch
  }

  /** What stands for everything that the user sees now. */
  async pushState(access: Access): Promise<string> {
    const { accounts } = await pushedAccounts(this.#services, access)
    return pushStateOf((await differenceSince(this.#services, accounts, undefined, null)).now)
  }

  /** What changes from now on, or since what was told last. */
  async follow(access: Access, o: FollowOptions): Promise<StateFollower> {
    const follower = new StateFollower(this.#services, this.#accounts, this.#turns, access, o)
    try {
      await follower.begin()
    } catch (error) {
      follower[Symbol.dispose]()
      throw error
    }
    return follower
  }
}

export class StateFollower implements Disposable {
  readonly #services: PushServices
  readonly #accounts: Pick<AccountWatch, 'watch'>
  readonly #turns: LookTurns
  readonly #o: FollowOptions
  readonly #watches = new Map<AccountId, Disposable>()
  #access: Access
  #told: Told | undefined
  #isDue = false
  #onDue: (() => void) | undefined
  #lookedAt = Number.NEGATIVE_INFINITY
  #isOver = false

  constructor(
    services: PushServices,
    accounts: Pick<AccountWatch, 'watch'>,
    turns: LookTurns,
    access: Access,
    o: FollowOptions,
  ) {
    this.#services = services
    this.#accounts = accounts
    this.#turns = turns
    this.#access = access
    this.#o = o
  }

  async begin(): Promise<void> {
    const { since } = this.#o
    if (since !== undefined) {
      this.#told = readPushState(since)
      this.look()
    } else this.#told = (await this.#difference()).now
  }

  /** The user may see other accounts now. */
  set access(access: Access) {
    this.#access = access
    this.look()
  }

  /** Something may have changed. */
  look(): void {
    this.#isDue = true
    this.#onDue?.()
  }

  /** The next change, once there is one. One at a time. Rejects when the signal fires. */
  async next(signal: AbortSignal): Promise<Pushed> {
    for (;;) {
      await this.#due(signal)
      const restMs = this.#lookedAt + this.#o.throttleMs - performance.now()
      if (restMs > 0) await wait(restMs, undefined, { signal })
      await this.#turns.take()
      this.#isDue = false
      this.#lookedAt = performance.now()
      try {
        const difference = await this.#difference()
        this.#told = difference.now
        if (difference.changed.size > 0)
          return { change: stateChange(difference), pushState: pushStateOf(difference.now) }
      } catch {
        this.#isDue = true
        await wait(againMs, undefined, { signal })
      }
    }
  }

  [Symbol.dispose](): void {
    this.#isOver = true
    for (const watch of this.#watches.values()) watch[Symbol.dispose]()
    this.#watches.clear()
  }

  #due(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#isDue) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        this.#onDue = undefined
        reject(signal.reason as Error)
      }
      signal.addEventListener('abort', abort, { once: true })
      this.#onDue = () => {
        this.#onDue = undefined
        signal.removeEventListener('abort', abort)
        resolve()
      }
    })
  }

  /** The accounts are watched before they are read, so that a change in between is another look. */
  async #difference(): ReturnType<typeof differenceSince> {
    const { accounts, watched } = await pushedAccounts(this.#services, this.#access)
    this.#watch(watched)
    return differenceSince(this.#services, accounts, this.#told, this.#o.types)
  }

  #watch(wanted: ReadonlySet<AccountId>): void {
    if (this.#isOver) return
    for (const [account, watch] of this.#watches) {
      if (wanted.has(account)) continue
      watch[Symbol.dispose]()
      this.#watches.delete(account)
    }
    for (const account of wanted) {
      if (this.#watches.has(account)) continue
      const isGuest = account !== this.#access.account
      this.#watches.set(
        account,
        this.#accounts.watch(account, () => this.look(), isGuest),
      )
    }
  }
}
