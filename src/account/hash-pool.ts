/**
 * A thread that does nothing but hash passwords, with a bounded queue in front of it.
 *
 * Hashing takes milliseconds of a whole core by design. On the protocol thread it would stop every session,
 * and in libuv's pool every file read; here it slows only those who sign in for the first time. The thread
 * starts when it is needed and ends when nobody has needed it for a while, since it costs memory.
 */
import { type MessagePort, type Worker } from 'node:worker_threads'
import { Fault } from '#base/fault.ts'
import { hashNow, verifyNow } from './password.ts'

/** Both take prepared passwords, and throw Fault `unavailable` where too many wait. */
export interface PasswordHasher {
  hash(prepared: string): Promise<string>
  verify(hash: string, prepared: string): Promise<boolean>
}

/** For tests and for tools without threads. */
export const hasherOnThisThread: PasswordHasher = {
  hash: async (prepared) => hashNow(prepared),
  verify: async (hash, prepared) => verifyNow(hash, prepared),
}

interface Job {
  readonly id: number
  readonly prepared: string
  /** Absent where the hash is wanted. */
  readonly hash?: string
}

interface Answer {
  readonly id: number
  readonly result: string | boolean
}

/** What the thread runs whose role is `hash`. */
export function serveHashing(port: MessagePort): void {
  port.on('message', (job: Job) => {
    const result = job.hash === undefined ? hashNow(job.prepared) : verifyNow(job.hash, job.prepared)
    port.postMessage({ id: job.id, result } satisfies Answer)
  })
}

interface Waiting {
  readonly resolve: (result: string | boolean) => void
  readonly reject: (error: unknown) => void
}

export class HashPool implements PasswordHasher, AsyncDisposable {
  readonly #spawn: (role: 'hash') => Worker
  readonly #maxWaiting: number
  readonly #idleMs: number
  readonly #waiting = new Map<number, Waiting>()
  #worker: Worker | undefined
  #idle: NodeJS.Timeout | undefined
  #lastId = 0
  #closed = false

  /** `spawn` starts a thread of the program itself that calls `serveHashing` when its role is `hash`. */
  constructor(o: { spawn: (role: 'hash') => Worker; maxWaiting?: number; idleMs?: number }) {
    this.#spawn = o.spawn
    this.#maxWaiting = o.maxWaiting ?? 256
    this.#idleMs = o.idleMs ?? 60_000
  }

  hash(prepared: string): Promise<string> {
    return this.#run({ prepared }) as Promise<string>
  }

  verify(hash: string, prepared: string): Promise<boolean> {
    return this.#run({ prepared, hash }) as Promise<boolean>
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    clearTimeout(this.#idle)
    const worker = this.#worker
    this.#lose(worker, unavailable('the server is stopping'))
    await worker?.terminate()
  }

  #run(work: Omit<Job, 'id'>): Promise<string | boolean> {
    if (this.#closed) return Promise.reject(unavailable('the server is stopping'))
    if (this.#waiting.size >= this.#maxWaiting)
      return Promise.reject(unavailable('too many passwords wait to be checked'))
    clearTimeout(this.#idle)
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId
      this.#waiting.set(id, { resolve, reject })
      this.#worker ??= this.#start()
      this.#worker.ref()
      this.#worker.postMessage({ id, ...work } satisfies Job)
    })
  }

  #start(): Worker {
    const worker = this.#spawn('hash')
    worker.on('message', (answer: Answer) => this.#answered(worker, answer))
    worker.on('error', (error) => this.#lose(worker, unavailable('the hashing thread failed', error)))
    worker.on('exit', () => this.#lose(worker, unavailable('the hashing thread ended')))
    return worker
  }

  #answered(worker: Worker, { id, result }: Answer): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    waiting?.resolve(result)
    if (this.#waiting.size > 0) return
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
    for (const waiting of this.#waiting.values()) waiting.reject(why)
    this.#waiting.clear()
  }
}

const unavailable = (reason: string, cause?: unknown): Fault =>
  new Fault('unavailable', 'try again later', {}, { reason, ...(cause === undefined ? {} : { cause }) })
