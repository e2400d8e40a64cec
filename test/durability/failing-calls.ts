/** System calls of a running process that fail until this ends: strace goes to it and gives the answers. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

export class FailingCalls implements AsyncDisposable {
  readonly #strace: ChildProcess
  readonly #ended: Promise<unknown>

  private constructor(strace: ChildProcess) {
    this.#strace = strace
    // Also where the process ends before it is told to let go.
    this.#ended = once(strace, 'exit')
  }

  /** `on`: only with these files. `when`: which of the calls, as strace counts them. */
  static async of(
    pid: number,
    calls: readonly string[],
    o: { on?: readonly string[]; when?: string; error?: string } = {},
  ): Promise<FailingCalls> {
    const { on = [], when = '1+', error = 'EIO' } = o
    const names = calls.join()
    const files = on.flatMap((file) => ['-P', file])
    const inject = `inject=${names}:error=${error}:when=${when}`
    const words = ['strace', '-f', '-p', String(pid), '-o', '/dev/null', ...files]
    words.push('-e', `trace=${names}`, '-e', inject)
    const strace = spawn(words[0]!, words.slice(1), { stdio: ['ignore', 'ignore', 'pipe'] })
    const failing = new FailingCalls(strace)
    // It says so when it has all threads.
    await once(strace.stderr.setEncoding('utf8'), 'data')
    return failing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#strace.kill('SIGINT')
    await this.#ended
  }
}
