/**
 * Moves the queue: takes what is due, brings it to its transport, and writes down what became of it.
 *
 * What must always hold: a recipient is in one attempt at a time; an attempt's rows are as before it until its
 * results are written in one commit; a destination that is slow or dead holds only its own share of a queue's
 * slots. One manager runs in a process, on the main worker; others' commits wake it over the bus.
 *
 * What comes in is begun from the hint alone, which names the message. The rows are looked through when the
 * first of them is due, and all of them at the start and now and then, since a hint may be lost. What is due
 * and finds no slot waits in memory by its destination, or is put off where that is full of it.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '#base/clock.ts'
import { domainPart } from '#base/domain-name.ts'
import type { Bus } from '#bus/bus.ts'
import type { Db } from '#kv/db.ts'
import type { Settings } from '#settings/object.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import type { QueueControl } from './control.ts'
import {
  behind,
  type DueKey,
  type DueMessage,
  type DueRecipient,
  type DueRecipients,
  listDue,
  listQueues,
  readDue,
  readDueRecipients,
} from './due.ts'
import type { Blocked } from './destinations.ts'
import { attemptFailed } from './events.ts'
import { followersOf } from './follow.ts'
import { InHand } from './in-hand.ts'
import { Line, type Piece } from './line.ts'
import { QueuePause } from './pause.ts'
import { type PutOff, putOff } from './put-off.ts'
import { type BuiltInQueue, mtaOutbound, scheduleOf } from './settings.ts'
import { type Paused, type QueueId, queueIdText } from './tables.ts'
import type { Destination } from './transport.ts'
import { type Left, type QueueWork, readWork, toSender, type Work } from './work.ts'

/** Without a hint it looks this often. */
const pollMs = 30_000
/** However much comes due, it is looked for no more often than this. */
const shortestMs = 10
/** Where something that is ours fails, such as the disk. */
const troubleMs = 30_000
/** Due rows that are listed at a time. */
const perPage = 200
/** Messages that are read, or put off, before something else has its turn. */
const atOnce = 50
/** After some were put off. */
const restMs = 20
/** Hints that wait; what is beyond is found in the rows. */
const mostHints = 10_000

/** Begins with the first `kick`, or the first message that comes in. */
export class QueueManager implements QueueControl, AsyncDisposable {
  readonly #db: Db
  readonly #clock: Clock
  readonly #settings: Settings
  readonly #telemetry: Telemetry
  readonly #work: QueueWork
  readonly #inHand = new InHand()
  readonly #line: Line
  readonly #running = new Set<Promise<void>>()
  readonly #stop = new AbortController()
  readonly #hint: Disposable
  /** Messages of which something is due, as far as was said. */
  #hinted: QueueId[] = []
  readonly #putOff: PutOff[] = []
  #writing: Promise<void> | undefined
  /** Which rows are to be looked through: all, or those that came due since. */
  #scan: 'all' | 'new' | undefined
  /** What they have, while they are. */
  #rows: AsyncGenerator<readonly QueueId[]> | undefined
  /** Up to when all rows of a virtual queue were looked through. */
  readonly #seen = new Map<string, number>()
  /** There were more than can wait. */
  #isBehind = false
  #timer: NodeJS.Timeout | undefined
  #nextAt = Infinity
  #polledAt = 0
  #isLooking = false
  readonly #pause: QueuePause

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
    this.#line = new Line(o)
    this.#pause = new QueuePause(o)
    this.#hint = o.bus.on('queue', ({ message }) =>
      message === undefined ? this.kick() : this.#heard(message as QueueId),
    )
  }

  /** Whether it was paused before the start: then `paused` is true. */
  load(): Promise<void> {
    return this.#pause.load()
  }

  get paused(): Paused | undefined {
    return this.#pause.said
  }

  /** Attempts under way. */
  get active(): number {
    return this.#running.size
  }

  pause(by: string): Promise<void> {
    return this.#pause.begin(by)
  }

  async resume(by: string): Promise<void> {
    await this.#pause.end(by)
    this.kick()
  }

  isTaken(id: QueueId, n: number): boolean {
    return this.#inHand.isTrying(id, n)
  }

  hurry(addresses: readonly string[]): void {
    void this.#forgive(addresses).catch(() => undefined)
  }

  /** Looks through all rows now. */
  kick(): void {
    this.#scan = 'all'
    this.#wake()
  }

  /** Resolves when everything that is due, and what follows from it, has been tried. For tests. */
  async settled(): Promise<void> {
    while (this.#isLooking || this.#running.size > 0 || this.#writing !== undefined) {
      await Promise.allSettled([...this.#running, this.#writing])
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** Attempts under way are cut off: their rows are as before, and they are made again after the next start. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#hint[Symbol.dispose]()
    clearTimeout(this.#timer)
    this.#stop.abort()
    await Promise.allSettled([...this.#running, this.#writing])
  }

  /** Something of a message is due. */
  #heard(id: QueueId): void {
    // While nothing may be begun the rows are enough: they are looked through before anything is.
    if (this.paused !== undefined) return
    if (this.#pause.isLoaded && this.#hinted.length < mostHints) this.#hinted.push(id)
    else this.#scan = 'all'
    this.#wake()
  }

  #wake(): void {
    if (!this.#isLooking && !this.#stop.signal.aborted) void this.#look()
  }

  /** Something is due at that time. */
  #dueBy(at: number | undefined): void {
    if (at === undefined || this.#stop.signal.aborted) return
    if (this.#timer !== undefined && at >= this.#nextAt) return
    clearTimeout(this.#timer)
    this.#nextAt = at
    const waitMs = Math.min(Math.max(at - this.#clock.now(), shortestMs), pollMs)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#scan ??= 'new'
      this.#wake()
    }, waitMs)
    this.#timer.unref()
  }

  async #look(): Promise<void> {
    this.#isLooking = true
    try {
      await this.#pause.load()
      while (!this.#stop.signal.aborted) {
        this.#beginWaiting()
        if (this.#putOff.length > 0) this.#writing ??= this.#writePutOff()
        if (this.#pause.holds) break
        if (this.#hinted.length > 0) await this.#offer(this.#hinted.splice(0, atOnce), readDue)
        // What is looked through waits for what was put off: else all of it would be in memory.
        else if (this.#writing !== undefined) break
        else if (this.#rows !== undefined) {
          const { value, done } = await this.#rows.next()
          if (done === true) this.#rows = undefined
          else await this.#offer(value, readDueRecipients)
          await otherWork()
        } else if (this.#scan !== undefined) this.#rows = this.#dueRows()
        else break
      }
    } catch (error) {
      this.#telemetry.emit(attemptFailed, { message: '', error })
      this.#scan = undefined
      this.#rows = undefined
      this.#dueBy(this.#clock.now() + troubleMs)
    } finally {
      this.#isLooking = false
    }
    this.#dueBy(this.#clock.now() + pollMs)
  }

  /** One domain is enough for all that go there. */
  async #forgive(addresses: readonly string[]): Promise<void> {
    const one = new Map(addresses.map((address) => [domainPart(address), address]))
    for (const address of one.values()) this.#line.forgive((await this.#work.destinationOf(address)).key)
    this.kick()
  }

  /** Messages with something due that is not in hand, by the rows; some at a time. */
  async *#dueRows(): AsyncGenerator<readonly QueueId[]> {
    const isAll = this.#scan === 'all' || this.#clock.now() - this.#polledAt >= pollMs
    this.#scan = undefined
    if (isAll) this.#polledAt = this.#clock.now()
    for (const queue of await listQueues(this.#db)) {
      const now = this.#clock.now()
      const seen = isAll ? undefined : this.#seen.get(queue)
      let after: DueKey | undefined = seen === undefined ? undefined : behind(queue, seen)
      for (;;) {
        if (this.#line.isFull(queue)) {
          this.#isBehind = true
          break
        }
        const { due, last, nextAt } = await listDue(this.#db, queue, now, { after, limit: perPage })
        const ids = [...new Set(due.filter(([, , id, n]) => !this.#inHand.has(id, n)).map(([, , id]) => id))]
        for (let at = 0; at < ids.length; at += atOnce) yield ids.slice(at, at + atOnce)
        after = last
        if (last !== undefined) continue
        this.#seen.set(queue, now)
        this.#dueBy(nextAt)
        break
      }
    }
  }

  async #offer(ids: readonly QueueId[], read: typeof readDue | typeof readDueRecipients): Promise<void> {
    this.#inHand.remember()
    try {
      const now = this.#clock.now()
      const found = await this.#db.read(async (tx) => {
        const all: (DueRecipients | DueMessage | undefined)[] = []
        for (const id of ids) all.push(await read(tx, id, now))
        return all
      })
      for (const one of found) if (one !== undefined) await this.#placeAll(one)
    } finally {
      this.#inHand.forget()
    }
  }

  /** Each of its recipients that is due is begun, waits, or is put off: together with those that go the same way. */
  async #placeAll(found: DueRecipients | DueMessage): Promise<void> {
    const { id, recipients, nextAt } = found
    this.#dueBy(nextAt)
    const groups = new Map<string, { queue: string; destination: Destination; rows: DueRecipient[] }>()
    for (const one of recipients) {
      const { queue, report, address } = one.row
      const destination = report === undefined ? await this.#work.destinationOf(address) : toSender
      const name = `${queue} ${destination.key}`
      const group = groups.get(name)
      if (group === undefined) groups.set(name, { queue, destination, rows: [one] })
      else group.rows.push(one)
    }
    const { maxRecipients } = this.#settings.get(mtaOutbound)
    for (const { queue, destination, rows } of groups.values()) {
      const free = rows.filter(({ n }) => !this.#inHand.has(id, n))
      const most = destination === toSender ? free.length : maxRecipients
      for (let at = 0; at < free.length; at += most) {
        const some = free.slice(at, at + most)
        const piece: Piece = { id, queue, numbers: some.map(({ n }) => n), key: destination.key }
        const message = 'message' in found ? found.message : undefined
        this.#place(piece, message && { id, message, recipients: some, destination })
      }
    }
  }

  #place(piece: Piece, known: Work | undefined): void {
    const answer = this.#line.enter(piece)
    if (answer === 'begin') this.#run(piece, known)
    else if (answer === 'waits') this.#inHand.take(piece.id, piece.numbers, 'waiting')
    else if (answer === 'full') this.#isBehind = true
    else this.#putOffLater(piece, answer)
  }

  #beginWaiting(): void {
    if (this.#pause.holds || this.#stop.signal.aborted) return
    for (let piece = this.#line.next(); piece !== undefined; piece = this.#line.next()) this.#run(piece)
    if (!this.#isBehind || !this.#line.hasRoom) return
    this.#isBehind = false
    this.kick()
  }

  /** It stays in hand until that is written. */
  #putOffLater({ id, numbers }: Piece, { until, why }: Blocked): void {
    this.#inHand.take(id, numbers, 'waiting')
    this.#putOff.push({ id, numbers, until, why })
  }

  /** Nobody is in a hurry for it: between any two such commits the others have their time. */
  async #writePutOff(): Promise<void> {
    const some = this.#putOff.splice(0, atOnce)
    try {
      const scheduleFor = (queue: string) => scheduleOf(this.#settings, queue as BuiltInQueue)
      const o = { now: this.#clock.now(), scheduleOf: scheduleFor }
      const told = some.flatMap(({ id, why }) => (why === undefined ? [] : [id]))
      const locks = await followersOf(this.#db, told)
      this.#dueBy(await this.#db.write(locks, (tx) => putOff(tx, some, o), { mayWait: true }))
    } catch (error) {
      // They are due still, and found again.
      this.#telemetry.emit(attemptFailed, { message: '', error })
      this.#dueBy(this.#clock.now() + troubleMs)
    }
    for (const { id, numbers } of some) this.#inHand.release(id, numbers)
    await sleep(restMs, undefined, { signal: this.#stop.signal, ref: false }).catch(() => undefined)
    this.#writing = undefined
    this.#wake()
  }

  /** `known`: as it was read just now. */
  #run(piece: Piece, known?: Work): void {
    this.#inHand.take(piece.id, piece.numbers, 'trying')
    const begunAt = this.#clock.now()
    let hasLeft = false
    const left: Left = (unreachable) => {
      if (hasLeft) return
      hasLeft = true
      for (const [stuck, blocked] of this.#line.left(piece.key, { begunAt, unreachable }))
        this.#putOffLater(stuck, blocked)
      this.#moveOn()
    }
    const running = this.#carryOut(piece, known, left).then((nextAt) => {
      left(undefined)
      this.#running.delete(running)
      this.#line.end(piece)
      if (nextAt === 'trouble')
        this.#putOffLater(piece, { until: this.#clock.now() + troubleMs, why: undefined })
      else {
        this.#inHand.release(piece.id, piece.numbers)
        if (nextAt !== undefined && nextAt <= this.#clock.now()) this.#heard(piece.id)
        else this.#dueBy(nextAt)
      }
      this.#moveOn()
    })
    this.#running.add(running)
  }

  #moveOn(): void {
    this.#beginWaiting()
    if (this.#putOff.length > 0) this.#wake()
  }

  /** Returns when something of it is due again. `trouble` is of our own: everything stays, for later. */
  async #carryOut(
    piece: Piece,
    known: Work | undefined,
    left: Left,
  ): Promise<number | undefined | 'trouble'> {
    try {
      const found =
        known === undefined
          ? await readWork(this.#db, piece, { now: this.#clock.now(), work: this.#work })
          : { work: known, nextAt: undefined }
      const nextAt = found.work === undefined ? undefined : await this.#do(found.work, left)
      return found.nextAt === undefined ? nextAt : Math.min(found.nextAt, nextAt ?? Infinity)
    } catch (error) {
      if (this.#stop.signal.aborted) return undefined
      this.#telemetry.emit(attemptFailed, { message: queueIdText(piece.id), error })
      return 'trouble'
    }
  }

  async #do(work: Work, left: Left): Promise<number | undefined> {
    if (work.destination !== toSender) return this.#work.attempt(work, { signal: this.#stop.signal, left })
    const { nextAt, notification } = await this.#work.notify(work)
    this.#heard(notification)
    return nextAt
  }
}

const otherWork = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
