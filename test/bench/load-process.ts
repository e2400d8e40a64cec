/**
 * Runs jobs in the process of load/main.ts. A job that fails or does not end takes that process with it, so
 * the next one starts with a new process and no leftover connections.
 */
import { type ChildProcess, fork } from 'node:child_process'
import path from 'node:path'
import type { FromLoad, Job, JobResult, ToLoad } from './load/job.ts'

export interface Around<T> {
  before(): T
  after(before: T, result: JobResult): void | Promise<void>
}

export class LoadProcess {
  #child: ChildProcess | undefined

  /**
   * `before` is called when everything is open and nothing has run yet, `after` when all has been done and
   * everything is still open. Throws Error with what the job said, or if a step took longer than `limitMs`.
   */
  async run<T>(job: Job, around?: Around<T>, limitMs = job.seconds * 1000 + 180_000): Promise<JobResult> {
    try {
      await this.#step({ step: 'prepare', job }, limitMs)
      const before = around?.before()
      const answer = await this.#step({ step: 'run' }, limitMs)
      if (answer.state !== 'done') throw new Error(`the load answered "${answer.state}"`)
      if (around !== undefined) await around.after(before as T, answer.result)
      await this.#step({ step: 'release' }, limitMs)
      return answer.result
    } catch (error) {
      this.close()
      throw error
    }
  }

  close(): void {
    this.#child?.kill('SIGKILL')
    this.#child = undefined
  }

  async #step(message: ToLoad, limitMs: number): Promise<FromLoad> {
    const child = (this.#child ??= await start())
    const answer = nextMessage(child, limitMs)
    child.send(message)
    const heard = await answer
    if (heard.state === 'failed') throw new Error(heard.message)
    return heard
  }
}

async function start(): Promise<ChildProcess> {
  const child = fork(path.join(import.meta.dirname, 'load/main.ts'), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  await nextMessage(child, 20_000)
  return child
}

function nextMessage(child: ChildProcess, limitMs: number): Promise<FromLoad> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      clearTimeout(timer)
      child.off('message', heard)
      child.off('exit', ended)
    }
    const heard = (message: unknown) => {
      settle()
      resolve(message as FromLoad)
    }
    const ended = () => {
      settle()
      reject(new Error('the process that makes the load ended'))
    }
    const timer = setTimeout(() => {
      settle()
      reject(new Error(`no end after ${limitMs / 1000} s`))
    }, limitMs)
    child.on('message', heard)
    child.on('exit', ended)
  })
}
