/**
 * Runs durable tasks when they are due, on any worker.
 *
 * A task is claimed by a lease in its row, so two workers never run one at the same time unless the first is
 * gone for longer than the lease. What must always hold: a row leaves the store only with the commit that has
 * the task's effect, or after a run that ended well; and only whoever has the lease then takes it away, so that
 * the effect of one that was late is not there twice.
 */
import type { Clock } from '#base/clock.ts'
import { Fault } from '#base/fault.ts'
import type { Bus } from '#bus/bus.ts'
import type { Db } from '#kv/db.ts'
import { type TaskRow, taskTable } from '#kv/task-rows.ts'
import type { WriteTx } from '#kv/tx.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import { taskFailed, taskUnknown } from './events.ts'
import type { TaskKind } from './kind.ts'

/** A hint wakes the scheduler at once; this is for hints that were lost and for leases that ran out. */
const pollMs = 5000
const batchSize = 64
/** Tasks that run at the same time on one worker. */
const maxRunning = 8

/** A kind whatever its payload: the store gives back what was scheduled under its name. */
export type AnyTaskKind = Omit<TaskKind<never>, 'payload'>
type TaskKey = readonly [dueMs: number, id: string]

export class TaskScheduler implements AsyncDisposable {
  readonly #db: Db
  readonly #clock: Clock
  readonly #telemetry: Telemetry
  readonly #kinds: ReadonlyMap<string, AnyTaskKind>
  readonly #stop = new AbortController()
  readonly #hint: Disposable
  readonly #unknown = new Set<string>()
  #timer: NodeJS.Timeout | undefined
  #round: Promise<void> = Promise.resolve()
  #rounds = 0

  constructor(o: { db: Db; bus: Bus; clock: Clock; telemetry: Telemetry; kinds: readonly AnyTaskKind[] }) {
    this.#db = o.db
    this.#clock = o.clock
    this.#telemetry = o.telemetry
    this.#kinds = new Map(o.kinds.map((kind) => [kind.name, kind]))
    this.#hint = o.bus.on('task', () => void this.kick())
    this.#arm()
  }

  /** Looks for due tasks now; resolves when those that were found have run. */
  kick(): Promise<void> {
    // At most one round runs and one waits: a hint during a round may be about a row it did not see.
    if (this.#rounds < 2) {
      this.#rounds++
      this.#round = this.#round.then(() => this.#runDue()).finally(() => this.#rounds--)
    }
    return this.#round
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    clearTimeout(this.#timer)
    this.#hint[Symbol.dispose]()
    await this.#round
  }

  #arm(): void {
    this.#timer = setTimeout(() => {
      void this.kick().finally(() => {
        if (!this.#stop.signal.aborted) this.#arm()
      })
    }, pollMs)
    this.#timer.unref()
  }

  async #runDue(): Promise<void> {
    let after: TaskKey | undefined
    while (!this.#stop.signal.aborted) {
      const now = this.#clock.now()
      const from = after
      const rows = await this.#db.read((tx) =>
        tx.list(taskTable, [], { limit: batchSize, ...(from === undefined ? {} : { after: from }) }),
      )
      const due = rows.filter(([[at], row]) => at <= now && !this.#isLeased(row, now))
      for (let i = 0; i < due.length; i += maxRunning)
        await Promise.all(due.slice(i, i + maxRunning).map(([key]) => this.#run(key)))
      const last = rows.at(-1)
      if (rows.length < batchSize || last === undefined || last[0][0] > now) return
      after = last[0]
    }
  }

  async #run(key: TaskKey): Promise<void> {
    const row = await this.#claim(key)
    if (row === undefined) return
    const kind = this.#kinds.get(row.task)!
    let ended = false
    const isOurs = async (tx: WriteTx): Promise<boolean> =>
      (await tx.get(taskTable, ...key))?.leasedUntil === row.leasedUntil
    const done = async (tx: WriteTx): Promise<void> => {
      if (!(await isOurs(tx)))
        throw new Fault(
          'unavailable',
          'try again later',
          {},
          { reason: 'the task is of another run by now, or gone' },
        )
      tx.delete(taskTable, key)
      ended = true
    }
    try {
      await kind.run(row.payload as never, { db: this.#db, signal: this.#stop.signal, done })
      if (!ended) await this.#db.write([], done)
    } catch (error) {
      const attempts = row.attempts + 1
      this.#telemetry.emit(taskFailed, { task: row.task, attempts, error })
      const waitMs = Math.min(kind.retry.firstMs * 2 ** (attempts - 1), kind.retry.mostMs)
      await this.#db.write([], async (tx) => {
        if (!(await isOurs(tx))) return
        tx.delete(taskTable, key)
        tx.put(taskTable, [this.#clock.now() + waitMs, key[1]], { ...row, attempts, leasedUntil: 0 })
      })
    }
  }

  /** A lease that is longer than any may be was given when the clock was ahead. */
  #isLeased({ task, leasedUntil }: TaskRow, now: number): boolean {
    return leasedUntil > now && leasedUntil <= now + (this.#kinds.get(task)?.leaseMs ?? Infinity)
  }

  /** The row with our lease on it; undefined where somebody else has it or nobody knows the task. */
  #claim(key: TaskKey): Promise<TaskRow | undefined> {
    return this.#db.write([], async (tx) => {
      const row = await tx.get(taskTable, ...key)
      const now = this.#clock.now()
      if (row === undefined || this.#isLeased(row, now)) return undefined
      const kind = this.#kinds.get(row.task)
      if (kind === undefined) {
        if (!this.#unknown.has(row.task)) this.#telemetry.emit(taskUnknown, { task: row.task })
        this.#unknown.add(row.task)
        return undefined
      }
      const claimed = { ...row, leasedUntil: now + kind.leaseMs }
      tx.put(taskTable, key, claimed)
      return claimed
    })
  }
}
