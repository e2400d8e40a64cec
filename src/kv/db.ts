/**
 * The one door to the store: `read` for a consistent view, `write` for everything that changes.
 *
 * What must always hold: all writes of an account happen in the order of its sequence; a caller of `write`
 * gets its result only when the commit is durable; the hint on the bus follows from the commit and cannot be
 * forgotten. Writers that wait for the same account share one transaction and so one sync: each body runs in
 * an attempt of its own and gets a number of its own, and the error of one does not touch the others.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Fault } from '#base/fault.ts'
import type { AccountId, Modseq } from '#base/id.ts'
import { KeyedMutex } from '#base/mutex.ts'
import type { Bus } from '#bus/bus.ts'
import type { KvEngine, KvSnapshot } from './backend.ts'
import { ReadTransaction, WriteTransaction } from './transaction.ts'
import type { Turns } from './turns.ts'
import type { ReadTx, WriteTx } from './tx.ts'

export interface Db {
  /** One snapshot. The body awaits only `tx`; nothing is written to a peer inside. */
  read<T>(body: (tx: ReadTx) => Promise<T> | T): Promise<T>
  /** Another number as soon as `read` would show anything else than before; undefined where that is unknown. */
  revision?(): number | undefined
  /**
   * The accounts are locked before the body runs and until the commit is durable; writing to another throws.
   * The body may run again after a conflict, so it awaits only `tx`: no look-ups, no events, no output. What it may
   * rely on in the face of other workers and machines stands at `WriteTx`.
   * `origin` names the session that wrote, so that it can ignore the echo. `mayWait`: nobody waits for it, so it
   * may take some milliseconds more and a sync less. `onCommit` is called before the caller gets the result, with
   * the number that the change has in each account where there was one.
   */
  write<T>(accounts: readonly AccountId[], body: (tx: WriteTx) => Promise<T>, o?: WriteOptions): Promise<T>
}

interface WriteOptions {
  readonly origin?: string
  readonly mayWait?: true
  readonly onCommit?: (numbers: ReadonlyMap<AccountId, Modseq>) => void
}

/** How many writers of one account share a commit: enough to fill a sync, few enough to stay quick. */
const maxShared = 64
const maxConflicts = 12

interface Waiting {
  readonly body: (tx: WriteTx) => Promise<unknown>
  readonly options: WriteOptions
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

type Outcome =
  | { readonly value: unknown; readonly numbers: ReadonlyMap<AccountId, Modseq> }
  | { readonly error: unknown }

export class KvDb implements Db {
  readonly #engine: KvEngine
  readonly #bus: Bus
  readonly #turns: Turns | undefined
  readonly #locks = new KeyedMutex<AccountId>()
  readonly #waiting = new Map<AccountId, Waiting[]>()

  /** `turns`: with other workers of this process, which write to the same store. */
  constructor(engine: KvEngine, bus: Bus, turns?: Turns) {
    this.#engine = engine
    this.#bus = bus
    this.#turns = turns
  }

  async read<T>(body: (tx: ReadTx) => Promise<T> | T): Promise<T> {
    const snapshot = await this.#engine.snapshot()
    try {
      return await body(new ReadTransaction(snapshot))
    } finally {
      snapshot.close()
    }
  }

  revision(): number | undefined {
    return this.#engine.revision()
  }

  write<T>(
    accounts: readonly AccountId[],
    body: (tx: WriteTx) => Promise<T>,
    o: WriteOptions = {},
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const waiting: Waiting = {
        body,
        options: o,
        resolve: resolve as (value: unknown) => void,
        reject,
      }
      if (accounts.length !== 1) {
        void this.#locks.run(accounts, () => this.#commit(accounts, [waiting]))
        return
      }
      const account = accounts[0]!
      const queue = this.#waiting.get(account)
      if (queue === undefined) {
        this.#waiting.set(account, [waiting])
        void this.#drain(account)
      } else queue.push(waiting)
    })
  }

  /** Commits all writers of one account, as many at a time as have gathered; one drain runs per account. */
  async #drain(account: AccountId): Promise<void> {
    for (;;) {
      await this.#locks.run([account], () =>
        this.#commit([account], this.#waiting.get(account)!.splice(0, maxShared)),
      )
      if (this.#waiting.get(account)!.length === 0) {
        this.#waiting.delete(account)
        return
      }
    }
  }

  /** Runs the bodies in one transaction and commits it. Settles every writer; never throws. */
  async #commit(accounts: readonly AccountId[], writers: readonly Waiting[]): Promise<void> {
    let endTurn: (() => void) | undefined
    try {
      const passing = this.#turns?.pass(accounts)
      if (passing !== undefined) await passing
      for (let conflicts = 0; ; conflicts++) {
        const done = await this.#tryCommit(accounts, writers)
        if (done !== 'conflict') return
        if (conflicts >= maxConflicts) {
          throw new Fault(
            'unavailable',
            'try again later',
            {},
            { reason: `no commit after ${maxConflicts} conflicts` },
          )
        }
        endTurn ??= await this.#turns?.take(accounts)
        if (conflicts >= 3) await sleep(Math.random() * 2 ** conflicts)
      }
    } catch (error) {
      for (const writer of writers) writer.reject(error)
    } finally {
      endTurn?.()
    }
  }

  async #tryCommit(
    accounts: readonly AccountId[],
    writers: readonly Waiting[],
  ): Promise<'done' | 'conflict'> {
    const snapshot = await this.#engine.snapshot()
    let tx: WriteTransaction
    let outcomes: readonly Outcome[] | undefined
    try {
      tx = new WriteTransaction(snapshot, await sequences(snapshot, accounts), newTaskId)
      outcomes = await runAll(tx, writers)
    } finally {
      snapshot.close()
    }
    if (outcomes === undefined) return 'done'
    const batch = tx.finish()
    if (batch !== undefined) {
      const mayWait = writers.every(({ options }) => options.mayWait === true)
      if ((await this.#engine.commit(batch, { mayWait })) === 'conflict') return 'conflict'
      const origin = writers.length === 1 ? writers[0]!.options.origin : undefined
      for (const { account, modseq, types } of tx.changedTypes()) {
        if (types.length === 0) continue
        this.#bus.publish({
          kind: 'state',
          account,
          modseq,
          types,
          ...(origin === undefined ? {} : { origin }),
        })
      }
    }
    if (batch !== undefined && tx.scheduledTasks) this.#bus.publish({ kind: 'task' })
    for (const [i, outcome] of outcomes.entries()) {
      if ('error' in outcome) writers[i]!.reject(outcome.error)
      else {
        writers[i]!.options.onCommit?.(outcome.numbers)
        writers[i]!.resolve(outcome.value)
      }
    }
    return 'done'
  }
}

const newTaskId = (): string => randomBytes(8).toString('hex')

async function sequences(
  snapshot: KvSnapshot,
  accounts: readonly AccountId[],
): Promise<Map<AccountId, Modseq>> {
  const reader = new ReadTransaction(snapshot)
  const found = new Map<AccountId, Modseq>()
  for (const account of accounts) found.set(account, await reader.sequence(account))
  return found
}

/** Runs each body so that one which throws leaves nothing behind. Where it is the only one, nothing is committed. */
async function runAll(
  tx: WriteTransaction,
  writers: readonly Waiting[],
): Promise<readonly Outcome[] | undefined> {
  const [only] = writers
  if (writers.length === 1 && only !== undefined) return runOnly(tx, only)
  const outcomes: Outcome[] = []
  for (const writer of writers) {
    try {
      let failed = false
      const result = await tx.attempt(async () => {
        try {
          return await writer.body(tx)
        } catch (error) {
          failed = true
          throw error
        }
      })
      const numbers = tx.endWriter()
      outcomes.push(failed ? { error: result } : { value: result, numbers })
    } catch (error) {
      outcomes.push({ error })
    }
  }
  return outcomes
}

async function runOnly(tx: WriteTransaction, writer: Waiting): Promise<readonly Outcome[] | undefined> {
  try {
    const value = await writer.body(tx)
    return [{ value, numbers: tx.endWriter() }]
  } catch (error) {
    writer.reject(error)
    return undefined
  }
}
