/**
 * A thread that does nothing but hash passwords, with a bounded queue in front of it.
 *
 * Hashing takes milliseconds of a whole core by design. On the protocol thread it would stop every session,
 * and in libuv's pool every file read; here it slows only those who sign in for the first time, and even
 * those take turns: who guesses a thousand passwords waits for his own thousand. The thread starts when it is
 * needed and ends when nobody has needed it for a while, since it costs memory.
 */
import { setPriority } from 'node:os'
import { type MessagePort, type Worker } from 'node:worker_threads'
import { FairQueue } from '#base/fair-queue.ts'
import { Fault } from '#base/fault.ts'
import { type HashJob, type HashResult, HashWork, type WantedVerifiers } from './hash-work.ts'
import type { Strength } from './strength.ts'

/** All take prepared passwords, and throw Fault `unavailable` where too many wait. */
export interface PasswordHasher {
  /** What a new password is kept as. */
  make(prepared: string, wanted: WantedVerifiers): Promise<readonly string[]>
  /** `source` is who asks, where that is a stranger: one of them does not wait for another. */
  verify(hash: string, prepared: string, source?: string): Promise<boolean>
  strength(prepared: string, about: readonly string[]): Promise<Strength>
}

/** For tests and for tools without threads. */
export function hasherOnThisThread(): PasswordHasher {
  const work = new HashWork()
  const run = async <T extends HashResult>(job: HashJob): Promise<T> => (await work.do(job)) as T
  return {
    make: (prepared, wanted) => run({ kind: 'make', prepared, wanted }),
    verify: (hash, prepared) => run({ kind: 'verify', prepared, hash }),
    strength: (prepared, about) => run({ kind: 'strength', prepared, about }),
  }
}

interface Numbered {
  readonly id: number
  readonly job: HashJob
}

interface Answer {
  readonly id: number
  readonly result: HashResult
}

/** What the thread runs whose role is `hash`. */
export function serveHashing(port: MessagePort): void {
  // On Linux the priority is the thread's own: it takes what the sessions leave, also on a single core.
  if (process.platform === 'linux') setPriority(10)
  const work = new HashWork()
  const answer = async ({ id, job }: Numbered): Promise<void> =>
    port.postMessage({ id, result: await work.do(job) } satisfies Answer)
  port.on('message', (numbered: Numbered) => void answer(numbered))
}

interface Waiting extends Numbered {
  readonly resolve: (result: HashResult) => void
  readonly reject: (error: unknown) => void
}

/** One is under way and the next is at hand; the rest can still be put in order. */
const handedOver = 2

export class HashPool implements PasswordHasher, AsyncDisposable {
  readonly #spawn: (role: 'hash') => Worker
  readonly #idleMs: number
  readonly #maxWaiting: number
  readonly #queue: FairQueue<Waiting>
  readonly #underWay = new Map<number, Waiting>()
  #worker: Worker | undefined
  #idle: NodeJS.Timeout | undefined
  #lastId = 0
  #closed = false

  /** `spawn` starts a thread of the program itself that calls `serveHashing` when its role is `hash`. */
  constructor(o: {
    spawn: (role: 'hash') => Worker
    maxWaiting?: number
    maxWaitingOfOne?: number
    idleMs?: number
  }) {
    this.#spawn = o.spawn
    this.#maxWaiting = o.maxWaiting ?? 256
    this.#queue = new FairQueue({ most: this.#maxWaiting, mostOfOne: o.maxWaitingOfOne ?? 32 })
    this.#idleMs = o.idleMs ?? 15_000
  }

  make(prepared: string, wanted: WantedVerifiers): Promise<readonly string[]> {
    return this.#run({ kind: 'make', prepared, wanted }, '')
  }

  verify(hash: string, prepared: string, source = ''): Promise<boolean> {
    return this.#run({ kind: 'verify', prepared, hash }, source)
  }

  strength(prepared: string, about: readonly string[]): Promise<Strength> {
    return this.#run({ kind: 'strength', prepared, about }, '')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    clearTimeout(this.#idle)
    const worker = this.#worker
    this.#lose(worker, unavailable('the server is stopping'))
    await worker?.terminate()
  }

  #run<T extends HashResult>(job: HashJob, source: string): Promise<T> {
    if (this.#closed) return Promise.reject(unavailable('the server is stopping'))
    return new Promise<T>((resolve, reject) => {
      const id = ++this.#lastId
      const waiting: Waiting = { id, job, resolve: resolve as (result: HashResult) => void, reject }
      if (this.#underWay.size + this.#queue.size >= this.#maxWaiting || !this.#queue.push(source, waiting)) {
        reject(unavailable('too many passwords wait to be checked'))
        return
      }
      clearTimeout(this.#idle)
      this.#worker ??= this.#start()
      this.#worker.ref()
      this.#handOver(this.#worker)
    })
  }

  #handOver(worker: Worker): void {
    while (this.#underWay.size < handedOver) {
      const next = this.#queue.shift()
      if (next === undefined) return
      this.#underWay.set(next.id, next)
      worker.postMessage({ id: next.id, job: next.job } satisfies Numbered)
    }
  }

  #start(): Worker {
    const worker = this.#spawn('hash')
    worker.on('message', (answer: Answer) => this.#answered(worker, answer))
    worker.on('error', (error) => this.#lose(worker, unavailable('the hashing thread failed', error)))
    worker.on('exit', () => this.#lose(worker, unavailable('the hashing thread ended')))
    return worker
  }

  #answered(worker: Worker, { id, result }: Answer): void {
    const waiting = this.#underWay.get(id)
    this.#underWay.delete(id)
    waiting?.resolve(result)
    if (this.#worker !== worker) return
    this.#handOver(worker)
    if (this.#underWay.size > 0) return
    // An idle thread must not keep the process alive.
    worker.unref()
    this.#idle = setTimeout(() => {
      this.#lose(worker, unavailable('the hashing thread ended'))
      void worker.terminate()
    }, this.#idleMs).unref()
  }

  /** Forgets a thread; the next job starts another. */
  #lose(worker: Worker | undefined, why: Fault): void {
    if (worker === undefined || this.#worker !== worker) return
    this.#worker = undefined
    for (const waiting of [...this.#underWay.values(), ...this.#queue.drain()]) waiting.reject(why)
    this.#underWay.clear()
  }
}

const unavailable = (reason: string, cause?: unknown): Fault =>
  new Fault('unavailable', 'try again later', {}, { reason, ...(cause === undefined ? {} : { cause }) })
