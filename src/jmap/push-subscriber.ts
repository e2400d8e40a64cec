/**
 * One push subscription (RFC 8620 §7.2) at work: it is verified first, and then told of changes, message after
 * message, with attempts that wait longer and longer.
 *
 * What must always hold: nothing but the verification is sent before the client gave the code back; the row says up
 * to where the client was told, written after the push service took the message, so that what was not told is found
 * in the change log, also after a restart. Something may be told twice, never not at all. A subscription that has
 * expired, or whose credential does not hold any more, sends nothing, and its row goes.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { Access } from '#account/access.ts'
import type { AccessWatch, Watched } from '#account/access-watch.ts'
import { passwordCredential } from '#account/credential-tables.ts'
import {
  isPushSubscriptionLive,
  type PushSubscriptionId,
  type PushSubscriptionRow,
  pushSubscriptionTable,
} from '#account/push-subscription.ts'
import type { AccountId } from '#base/id.ts'
import type { ReadTx } from '#kv/tx.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import { pushEnded, pushNotSent } from './events.ts'
import { pushSubscriptionId } from './methods/push-subscription-get.ts'
import { partsOf, pushMessage, roomIn, verification } from './push-message.ts'
import type { PushSender } from './push-sender.ts'
import type { PushTurns } from './push-turns.ts'
import type { JmapServices } from './services.ts'
import { jmapSettings } from './settings.ts'
import type { StateWatch } from './state-watch.ts'
import type { JsonObject } from './value.ts'
import type { VerificationLimit } from './verification-limit.ts'

export interface PushServices {
  readonly services: Pick<JmapServices, 'db' | 'settings' | 'clock' | 'vapid'>
  readonly stateWatch: StateWatch
  readonly accessWatch: Pick<AccessWatch, 'watch'>
  /** Of an account that may sign in. */
  readonly accessOf: (account: AccountId) => Promise<Access | undefined>
  readonly sender: PushSender
  readonly turns: PushTurns
  readonly limit: VerificationLimit
  readonly telemetry: Telemetry
}

/** A pause after failures is doubled up to this, as is the wait between messages that are too many. */
const longestPauseMs = 6 * 3_600_000
/** After which a store that could not be read is asked again. */
const againMs = 5000
/** Longer timers fire at once. */
const longestTimerMs = 2 ** 31 - 1

type Delivered = 'sent' | 'gone' | 'later'

interface Ends {
  /** All ends. */
  readonly signal: AbortSignal
  /** That, and what makes the row to be read again. */
  readonly until: AbortSignal
}

type Stays = (tx: ReadTx, now: PushSubscriptionRow) => Promise<boolean>

export class PushSubscriber {
  readonly #account: AccountId
  readonly #id: PushSubscriptionId
  readonly #o: PushServices
  /** Aborted when the row, or what the account may do, is to be looked at. */
  #stale = new AbortController()
  /** When the verification may be asked for. */
  #askAt: number | undefined
  #failures = 0
  /** How often it was too much, less how often it was not. */
  #slowness = 0

  constructor(account: AccountId, id: PushSubscriptionId, o: PushServices) {
    this.#account = account
    this.#id = id
    this.#o = o
  }

  /** Something about it changed. */
  look(): void {
    this.#stale.abort()
  }

  /** Until it ends, or the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        this.#stale = new AbortController()
        if ((await this.#step(signal)) === 'over') return
      } catch {
        // The signal, a change, or a store that cannot be read.
        if (!this.#stale.signal.aborted) await pause(againMs, signal)
      }
    }
  }

  get #settings() {
    return this.#o.services.settings.get(jmapSettings)
  }

  async #step(signal: AbortSignal): Promise<'over' | 'on'> {
    const found = await this.#read()
    if (found === undefined) return 'over'
    const { row, access } = found
    const restMs = Math.min(row.expiresAt - this.#o.services.clock.now(), longestTimerMs)
    const until = AbortSignal.any([signal, this.#stale.signal, AbortSignal.timeout(Math.max(restMs, 1))])
    if (row.told === '') return this.#begin(access)
    if (row.isVerified) return this.#tell(row, access, { signal, until })
    if (!row.isAsked) return this.#verify(row, { signal, until })
    await fired(until)
    return 'on'
  }

  /** Removes it where it may not be used any more. */
  async #read(): Promise<{ readonly row: PushSubscriptionRow; readonly access: Access } | undefined> {
    const { db, clock } = this.#o.services
    const access = await this.#o.accessOf(this.#account)
    const { row, isLive } = await db.read(async (tx) => {
      const found = await tx.get(pushSubscriptionTable, this.#account, this.#id)
      const live = found && (await isPushSubscriptionLive(tx, this.#account, found, clock.now()))
      return { row: found, isLive: live }
    })
    if (row === undefined) return undefined
    const mayUse = access?.permissions.has('jmapAuthenticate') === true
    if (mayUse && isLive === true) return { row, access }
    const stays: Stays = async (tx, now) =>
      mayUse && (await isPushSubscriptionLive(tx, this.#account, now, clock.now()))
    const outcome = await this.#end('it has expired, or its credential or key has', stays)
    return outcome === 'over' ? undefined : this.#read()
  }

  /** `stays`: whether it is to stay as it is by now, since its client may change it on another worker at the same time. */
  async #end(reason: string, stays?: Stays): Promise<'over' | 'on'> {
    const isKept = await this.#o.services.db.write([this.#account], async (tx) => {
      const now = await tx.get(pushSubscriptionTable, this.#account, this.#id)
      if (now !== undefined && (await stays?.(tx, now)) === true) return true
      tx.delete(pushSubscriptionTable, [this.#account, this.#id])
      return false
    })
    if (isKept) return 'on'
    this.#o.telemetry.emit(pushEnded, { account: this.#account, subscription: this.#text, reason })
    return 'over'
  }

  get #text(): string {
    return pushSubscriptionId(this.#id)
  }

  /**
   * What happens from here on is told once it is verified; so this is written before the client can verify it, and
   * not again when a verification has to be sent a second time.
   */
  async #begin(access: Access): Promise<'on'> {
    const told = await this.#o.stateWatch.pushState(access)
    await this.#put((now) => ({ ...now, told }))
    return 'on'
  }

  /** RFC 8620 §7.2.2. */
  async #verify(row: PushSubscriptionRow, ends: Ends): Promise<'over' | 'on'> {
    const { clock } = this.#o.services
    const nowMs = clock.now()
    const { pushVerifyTimeout: periodMs, maxSubscriptions: most } = this.#settings
    this.#askAt ??= this.#o.limit.take(this.#account, row.url, { nowMs, periodMs, most })
    if (this.#askAt > nowMs) await wait(this.#askAt - nowMs, undefined, { signal: ends.until })
    const outcome = await this.#deliver(verification(this.#text, row), row, ends.signal)
    if (outcome === 'gone') return this.#end('the push service does not know it')
    // Where it could not be sent, the client may destroy it and make another.
    await this.#put((now) => ({ ...now, isAsked: true }))
    return 'on'
  }

  async #tell(row: PushSubscriptionRow, access: Access, { signal, until }: Ends): Promise<'over' | 'on'> {
    const { pushThrottle, maxPushSize } = this.#settings
    using follower = await this.#o.stateWatch.follow(access, {
      types: row.types === null ? null : new Set(row.types),
      since: row.told,
      throttleMs: pushThrottle,
    })
    using _watch = this.#o.accessWatch.watch(watchedOf(this.#account, row), (now) => {
      if (now === undefined) this.look()
      else follower.access = now
    })
    for (;;) {
      const { change, pushState } = await follower.next(until)
      for (const part of partsOf(change, roomIn(maxPushSize, row))) {
        const outcome = await this.#deliver(part, row, signal)
        if (outcome === 'gone') return this.#end('the push service does not know it')
        if (outcome === 'later') return 'on'
      }
      await this.#put((now) => ({ ...now, told: pushState }))
      const slowMs = this.#slowness === 0 ? 0 : pushThrottle * 2 ** this.#slowness
      if (slowMs > 0) await pause(Math.min(slowMs, longestPauseMs), signal)
    }
  }

  async #put(change: (row: PushSubscriptionRow) => PushSubscriptionRow): Promise<void> {
    await this.#o.services.db.write([this.#account], async (tx) => {
      // Its client may change it on another worker at the same time.
      const now = await tx.get(pushSubscriptionTable, this.#account, this.#id)
      if (now !== undefined) tx.put(pushSubscriptionTable, [this.#account, this.#id], change(now))
    })
  }

  /**
   * `later`: all attempts failed, and the pause after them is over. What the client changes in between does not bring
   * a push service into reach.
   */
  async #deliver(message: JsonObject, row: PushSubscriptionRow, signal: AbortSignal): Promise<Delivered> {
    const { pushMaxAttempts, pushRetryWait, pushAttemptWait } = this.#settings
    let afterMs = 0
    for (let attempt = 1; attempt <= pushMaxAttempts; attempt++) {
      const outcome = await this.#attempt(message, row, signal)
      if (outcome.kind === 'sent') {
        this.#failures = 0
        this.#slowness = Math.max(0, this.#slowness - 1)
        return 'sent'
      }
      if (outcome.kind === 'gone') return 'gone'
      this.#notSent(row, outcome.reason)
      if (outcome.kind === 'slower') {
        this.#slowness++
        afterMs = outcome.afterMs
      }
      if (outcome.kind !== 'failed') break
      if (attempt < pushMaxAttempts) await pause(doubled(pushRetryWait, attempt - 1), signal)
    }
    // A verification is not sent again.
    if (row.isAsked) await pause(Math.max(afterMs, doubled(pushAttemptWait, this.#failures++)), signal)
    return 'later'
  }

  #notSent({ url }: PushSubscriptionRow, reason: string): void {
    const host = new URL(url).hostname
    this.#o.telemetry.emit(pushNotSent, { account: this.#account, subscription: this.#text, host, reason })
  }

  #attempt(
    message: JsonObject,
    row: PushSubscriptionRow,
    signal: AbortSignal,
  ): ReturnType<PushSender['send']> {
    const { vapid } = this.#o.services
    const url = new URL(row.url)
    const { pushRequestTimeout: timeoutMs } = this.#settings
    return this.#o.turns.run(this.#account, async () => {
      signal.throwIfAborted()
      const authorization = await vapid.authorization(url, row.serverKey)
      return this.#o.sender.send(url, pushMessage(message, row), { authorization, timeoutMs, signal })
    })
  }
}

const watchedOf = (account: AccountId, { credential, passwordAt }: PushSubscriptionRow): Watched =>
  credential === passwordCredential ? { account, passwordAt } : { account, credential }

const doubled = (ms: number, times: number): number => Math.min(ms * 2 ** times, longestPauseMs)

/** Ends early with the signal, which is for the caller to see. */
const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  wait(ms, undefined, { signal }).catch(() => undefined)

const fired = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
