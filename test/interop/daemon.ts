/** A program of the machine that stays in the foreground until it is not needed any more, and says when it is ready. */
import { type ChildProcess, spawn } from 'node:child_process'
import { locate } from './program.ts'

/** A guard against a program that hangs; no test depends on how long it is. */
const hangMs = 120_000

export class Daemon implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #ended: Promise<void>
  #output = ''

  private constructor(program: string, args: readonly string[]) {
    const child = spawn(locate(program)!, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    this.#ended = new Promise((resolve) => child.once('close', () => resolve()))
  }

  /** Resolves when it has printed what it says when it is ready. */
  static async start(program: string, args: readonly string[], ready: string): Promise<Daemon> {
    const daemon = new Daemon(program, args)
    const timer = setTimeout(() => daemon.#child.kill('SIGKILL'), hangMs)
    try {
      await new Promise<void>((resolve, reject) => {
        const hear = (text: string): void => {
          daemon.#output += text
          if (daemon.#output.includes(ready)) resolve()
        }
        daemon.#child.stdout!.setEncoding('utf8').on('data', hear)
        daemon.#child.stderr!.setEncoding('utf8').on('data', hear)
        daemon.#child.once('error', reject)
        void daemon.#ended.then(() => reject(new Error(`${program} ended:\n${daemon.#output}`)))
      })
    } finally {
      clearTimeout(timer)
    }
    return daemon
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGTERM')
    await this.#ended
  }
}
