/**
 * The thread that makes search indexes, as the main thread has it: started when there is work, ended when there
 * has been none for a while, since it costs memory.
 */
import type { Worker } from 'node:worker_threads'
import { Fault, isFault } from '#base/fault.ts'
import type { IndexAnswer, IndexJob, IndexOrder, IndexResult, Located } from './index-work.ts'

export interface IndexRunner {
  run(job: IndexJob, located: Located): Promise<IndexResult>
}

const idleMs = 60_000

export class IndexThread implements IndexRunner, AsyncDisposable {
  readonly #spawn: () => Worker
  readonly #directory: string
  #worker: Worker | undefined
  #idle: NodeJS.Timeout | undefined
  #closed = false

  /** `directory` is that of the blobs. `spawn` starts a thread of the program itself whose role is `index`. */
  constructor(o: { directory: string; spawn: () => Worker }) {
    this.#directory = o.directory
    this.#spawn = o.spawn
  }

  /** One job at a time. */
  async run(job: IndexJob, located: Located): Promise<IndexResult> {
    if (this.#closed) throw unavailable('the server is stopping')
    clearTimeout(this.#idle)
    const worker = (this.#worker ??= this.#spawn())
    worker.ref()
    try {
      const answer = await ask(worker, { directory: this.#directory, job, located })
      if ('error' in answer) throw answer.error
      return answer.result
    } catch (error) {
      // One that has died is not asked again; another is started.
      if (isFault(error, 'unavailable')) await this.#forget(worker)
      throw error
    } finally {
      // An idle thread must not keep the process alive.
      worker.unref()
      this.#idle = setTimeout(() => void this.#end(), idleMs).unref()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    clearTimeout(this.#idle)
    await this.#end()
  }

  async #end(): Promise<void> {
    const worker = this.#worker
    this.#worker = undefined
    await worker?.terminate()
  }

  async #forget(worker: Worker): Promise<void> {
    if (this.#worker === worker) await this.#end()
  }
}

function ask(worker: Worker, order: IndexOrder): Promise<IndexAnswer> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      worker.off('message', answered)
      worker.off('error', failed)
      worker.off('exit', ended)
    }
    const answered = (answer: IndexAnswer): void => {
      end()
      resolve(answer)
    }
    const failed = (error: unknown): void => {
      end()
      reject(unavailable('the indexing thread failed', error))
    }
    const ended = (): void => failed(undefined)
    worker.on('message', answered)
    worker.on('error', failed)
    worker.on('exit', ended)
    worker.postMessage(order)
  })
}

const unavailable = (reason: string, cause?: unknown): Fault =>
  new Fault('unavailable', 'try again later', {}, { reason, ...(cause === undefined ? {} : { cause }) })
