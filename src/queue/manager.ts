/**
 * Moves the queue: takes what is due, brings it to its transport, and writes down what became of it.
 *
 * What must always hold: a recipient is in one attempt at a time; an attempt's rows are as before it until its
 * results are written in one commit; a destination that is slow or dead holds only its own share of a queue's
 * slots. One manager runs in a process, on the main worker; others' commits wake it over the bus.
 */
import type { Clock } from '#base/clock.ts'
import type { Bus } from '#bus/bus.ts'
import type { Db } from '#kv/db.ts'
import type { Settings } from '#settings/object.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import type { QueueControl } from './control.ts'
import { Destinations } from './destinations.ts'
import { type DueKey, type DueRecipient, listDue, listQueues, readDue, recipientName } from './due.ts'
import { putRecipient } from './enqueue.ts'
import { attemptFailed, queuePaused, queueResumed } from './events.ts'
import { type BuiltInQueue, mtaOutbound, threadsOf } from './settings.ts'
import {
  type Paused,
  type QueuedMessage,
  queuedRecipientTable,
  type QueueId,
  queuePausedTable,
} from './tables.ts'
import type { Destination } from './transport.ts'

/** One piece of work: recipients of one message that go to one destination, or that are to be reported. */
export interface Work {
  readonly id: QueueId
  readonly message: QueuedMessage
  readonly recipients: readonly DueRecipient[]
  readonly destination: Destination
}

export interface QueueWork {
  /** Where a recipient goes now. */
  destinationOf(address: string): Promise<Destination>
  /** Makes the attempt and writes down its results. True where nobody at the destination could be reached. */
  attempt(work: Work, signal: AbortSignal): Promise<boolean>
  /** Puts the notification that these wait for into the queue. */
  notify(work: Omit<Work, 'destination'>): Promise<void>
}

interface Postponed {
  readonly id: QueueId
  readonly recipients: readonly DueRecipient[]
  readonly until: number
}

/** Without a hint it looks this often. */
const pollMs = 30_000
/** Recipients of a destination that has enough on its way look again after this. */
const crowdedMs = 1000
/** Where something that is ours fails, such as the disk. */
const troubleMs = 30_000
/** Due recipients that one look at a queue takes in. */
const perLook = 500
/** So that not all that waited for a destination come back at the same moment. */
const spreadMs = 30_000

export class QueueManager implements QueueControl, AsyncDisposable {
  readonly #db: Db
  readonly #clock: Clock
  readonly #settings: Settings
  readonly #telemetry: Telemetry
  readonly #work: QueueWork
  readonly #destinations = new Destinations()
  /** Recipients in an attempt, by `recipientName`, with their virtual queue. */
  readonly #taken = new Map<string, string>()
  readonly #running = new Set<Promise<void>>()
  readonly #stop = new AbortController()
  readonly #hint: Disposable
  #timer: NodeJS.Timeout | undefined
  #isLooking = false
  #lookAgain = false
  /** `unknown` until the row was read: nothing is begun before. */
  #paused: Paused | 'unknown' | undefined = 'unknown'

  constructor(o: {
    db: Db
    bus: Bus
    clock: Clock
    settings: Settings
    telemetry: Telemetry
    work: QueueWork
  }) {
    this.#db = o.db
    this.#clock = o.clock
    this.#settings = o.settings
    this.#telemetry = o.telemetry
    this.#work = o.work
    this.#hint = o.bus.on('queue', () => this.kick())
    this.#arm(0)
  }

  get paused(): Paused | undefined {
    return this.#paused === 'unknown' ? undefined : this.#paused
  }

  /** Attempts under way. */
  get active(): number {
    return this.#running.size
  }

  async pause(by: string): Promise<void> {
    const paused = this.paused ?? { at: this.#clock.now(), by }
    await this.#db.write([], async (tx) => tx.put(queuePausedTable, [], paused))
    this.#paused = paused
    this.#telemetry.emit(queuePaused, { by })
  }

  async resume(by: string): Promise<void> {
    await this.#db.write([], async (tx) => tx.delete(queuePausedTable, []))
    this.#paused = undefined
    this.#telemetry.emit(queueResumed, { by })
    this.kick()
  }

  isTaken(id: QueueId, n: number): boolean {
    return this.#taken.has(recipientName(id, n))
  }

  hurry(addresses: readonly string[]): void {
    if (addresses.length > 0) void this.#forgive(addresses).catch(() => undefined)
  }

  /** Looks for due mail now. */
  kick(): void {
    if (this.#stop.signal.aborted) return
    this.#lookAgain = true
    if (!this.#isLooking) void this.#look()
  }

  /** Resolves when everything that is due, and what follows from it, has been tried. For tests. */
  async settled(): Promise<void> {
    while (this.#isLooking || this.#running.size > 0) {
      await Promise.allSettled(this.#running)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** Attempts under way are cut off: their rows are as before, and they are made again after the next start. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#hint[Symbol.dispose]()
    clearTimeout(this.#timer)
    this.#stop.abort()
    await Promise.allSettled(this.#running)
  }

  async #look(): Promise<void> {
    this.#isLooking = true
    clearTimeout(this.#timer)
    let nextAt: number | undefined
    try {
      while (this.#lookAgain && !this.#stop.signal.aborted) {
        this.#lookAgain = false
        if (this.#paused === 'unknown') await this.#readPaused()
        nextAt = this.#paused === undefined ? await this.#beginDue() : undefined
      }
    } catch (error) {
      this.#telemetry.emit(attemptFailed, { message: '', error })
      nextAt = this.#clock.now() + troubleMs
    } finally {
      this.#isLooking = false
    }
    this.#arm(nextAt === undefined ? pollMs : nextAt - this.#clock.now())
  }

  async #readPaused(): Promise<void> {
    const stored = await this.#db.read((tx) => tx.get(queuePausedTable))
    // Somebody may have said so meanwhile.
    if (this.#paused === 'unknown') this.#paused = stored
  }

  /** One domain is enough for all that go there. */
  async #forgive(addresses: readonly string[]): Promise<void> {
    const one = new Map(addresses.map((address) => [address.slice(address.lastIndexOf('@') + 1), address]))
    for (const address of one.values())
      this.#destinations.forgive((await this.#work.destinationOf(address)).key)
    this.kick()
  }

  #arm(waitMs: number): void {
    if (this.#stop.signal.aborted) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.kick(), Math.min(Math.max(waitMs, 1), pollMs))
    this.#timer.unref()
  }

  /** When something is due that could not be begun now, if anything is. */
  async #beginDue(): Promise<number | undefined> {
    let nextAt: number | undefined
    for (const queue of await listQueues(this.#db)) {
      const found = await this.#beginQueue(queue)
      if (found !== undefined) nextAt = Math.min(nextAt ?? Infinity, found)
    }
    return nextAt
  }

  async #beginQueue(queue: string): Promise<number | undefined> {
    const inQueue = [...this.#taken.values()].filter((name) => name === queue).length
    const free = threadsOf(this.#settings, queue as BuiltInQueue) - inQueue
    // Whatever ends looks again.
    if (free <= 0) return undefined
    const now = this.#clock.now()
    const { due, nextAt } = await listDue(this.#db, queue, now, { limit: perLook, taken: this.#taken })
    const postponed: Postponed[] = []
    let begun = 0
    for (const key of due) {
      if (begun >= free || this.#stop.signal.aborted) break
      if (this.#taken.has(recipientName(key.id, key.n))) continue
      const answer = await this.#begin(key, now)
      if (answer === 'begun') begun++
      else if (answer !== undefined) postponed.push(answer)
    }
    await this.#postpone(postponed)
    return begun >= free ? undefined : nextAt
  }

  /** `undefined`: it is gone. */
  async #begin({ id, n, queue }: DueKey, now: number): Promise<'begun' | Postponed | undefined> {
    // Asked before the read: an attempt that ends during it is read as it was, and would be made again.
    const taken = new Set([...this.#taken.keys()].filter((name) => name.startsWith(`${id} `)))
    const found = await this.#db.read((tx) => readDue(tx, id, now))
    const first = found?.recipients.find((recipient) => recipient.n === n)
    if (found === undefined || first === undefined) return undefined
    const free = found.recipients.filter(
      (recipient) => recipient.row.queue === queue && !taken.has(recipientName(id, recipient.n)),
    )
    if (first.row.report !== undefined) {
      const recipients = free.filter(({ row }) => row.report !== undefined)
      this.#run(id, queue, recipients, () => this.#work.notify({ ...found, recipients }))
      return 'begun'
    }
    const destination = await this.#work.destinationOf(first.row.address)
    const { maxPerDestination, maxRecipients } = this.#settings.get(mtaOutbound)
    const answer = this.#destinations.ask(destination.key, now, maxPerDestination)
    const recipients = await this.#together(free, destination, maxRecipients)
    if (answer !== 'go') {
      const until = answer === 'wait' ? now + crowdedMs : answer + Math.floor(Math.random() * spreadMs)
      return { id, recipients, until }
    }
    this.#destinations.begin(destination.key)
    this.#run(id, queue, recipients, () => this.#attempt({ ...found, recipients, destination }))
    return 'begun'
  }

  async #attempt(work: Work): Promise<void> {
    let isUnreachable = false
    try {
      isUnreachable = await this.#work.attempt(work, this.#stop.signal)
    } finally {
      this.#destinations.end(work.destination.key, this.#clock.now(), isUnreachable)
    }
  }

  /** Those of a message's recipients that go the same way. */
  async #together(
    free: readonly DueRecipient[],
    destination: Destination,
    most: number,
  ): Promise<readonly DueRecipient[]> {
    const together: DueRecipient[] = []
    for (const recipient of free) {
      if (together.length >= most) break
      if (recipient.row.report !== undefined) continue
      const other = await this.#work.destinationOf(recipient.row.address)
      if (other.key === destination.key) together.push(recipient)
    }
    return together
  }

  async #postpone(all: readonly Postponed[]): Promise<void> {
    if (all.length === 0) return
    await this.#db.write([], async (tx) => {
      for (const { id, recipients, until } of all) {
        for (const { n } of recipients) {
          const before = await tx.getForUpdate(queuedRecipientTable, id, n)
          if (before === undefined) continue
          // Its time to be given up stays what it is: then it is tried once more, and ends.
          const dueAt = laterTime(before.expiresAt, until, this.#clock.now())
          putRecipient(tx, id, n, before, { ...before, dueAt })
        }
      }
    })
  }

  #run(id: QueueId, queue: string, recipients: readonly DueRecipient[], work: () => Promise<void>): void {
    for (const { n } of recipients) this.#taken.set(recipientName(id, n), queue)
    const running = this.#guarded(id, recipients, work).finally(() => {
      for (const { n } of recipients) this.#taken.delete(recipientName(id, n))
      this.#running.delete(running)
      this.kick()
    })
    this.#running.add(running)
  }

  /** What is no result is trouble of our own: everything stays, for later. */
  async #guarded(id: QueueId, recipients: readonly DueRecipient[], work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (this.#stop.signal.aborted) return
      this.#telemetry.emit(attemptFailed, { message: id.toString(36), error })
      const until = this.#clock.now() + troubleMs
      await this.#postpone([{ id, recipients, until }]).catch(() => undefined)
    }
  }
}

/** What was wanted, but not after the expiry, and not at once. */
const laterTime = (expiresAt: number, wanted: number, now: number): number =>
  Math.max(now + 1, Math.min(wanted, Math.max(expiresAt, now + crowdedMs)))
