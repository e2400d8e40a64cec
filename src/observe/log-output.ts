/**
 * Bytes on their way to a log file or to standard output.
 *
 * `write` only appends to memory; one asynchronous write at a time takes what has gathered, so the event loop
 * never waits for a disk or a slow pipe. What would exceed the budget is refused and counted. `flushSync`
 * is for the very end of the process and writes what is left.
 */
import { close, write, writeSync } from 'node:fs'
import { promisify } from 'node:util'

const budgetUnits = 8 * 1024 * 1024
/** How long lines gather before they are written: each write wakes a thread. */
const gatherMs = 20
/** How long to wait where a pipe is full. */
const fullPipeMs = 20

export class LogOutput implements AsyncDisposable {
  readonly #fd: number
  readonly #isOwn: boolean
  #pending = ''
  #pendingLines = 0
  #lost = 0
  /** The write that is going on, or is about to. */
  #draining: Promise<void> | undefined
  readonly #flushAtExit = (): void => this.flushSync()

  /** Closes `fd` when disposed where `isOwn`. */
  constructor(fd: number, isOwn: boolean) {
    this.#fd = fd
    this.#isOwn = isOwn
    process.on('exit', this.#flushAtExit)
  }

  /** Whole lines. False where there is no room. */
  write(line: string): boolean {
    if (this.#pending.length + line.length > budgetUnits) {
      this.#lost++
      return false
    }
    this.#pending += line
    this.#pendingLines++
    this.#draining ??= new Promise<void>((resolve) => setTimeout(resolve, gatherMs)).then(() => this.#drain())
    return true
  }

  /** How many lines were lost since this was last asked. */
  takeLost(): number {
    const lost = this.#lost
    this.#lost = 0
    return lost
  }

  get hasLost(): boolean {
    return this.#lost > 0
  }

  /** Resolves when everything written so far is with the operating system, or lost. */
  async flush(): Promise<void> {
    while (this.#draining !== undefined) await this.#draining
  }

  async #drain(): Promise<void> {
    while (this.#pending !== '') {
      const bytes = Buffer.from(this.#pending)
      const lines = this.#pendingLines
      this.#pending = ''
      this.#pendingLines = 0
      if (!(await this.#writeAll(bytes))) this.#lost += lines
    }
    this.#draining = undefined
  }

  /** False where the destination fails. */
  async #writeAll(bytes: Buffer): Promise<boolean> {
    for (let at = 0; at < bytes.length;) {
      const written = await new Promise<number | NodeJS.ErrnoException>((resolve) =>
        write(this.#fd, bytes, at, bytes.length - at, null, (error, count) => resolve(error ?? count)),
      )
      if (typeof written === 'number') at += written
      else if (written.code === 'EAGAIN') await new Promise((resolve) => setTimeout(resolve, fullPipeMs))
      else return false
    }
    return true
  }

  flushSync(): void {
    const bytes = Buffer.from(this.#pending)
    this.#pending = ''
    this.#pendingLines = 0
    const napping = new Int32Array(new SharedArrayBuffer(4))
    let naps = 0
    for (let at = 0; at < bytes.length;) {
      try {
        at += writeSync(this.#fd, bytes, at)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || naps++ === 50) return
        Atomics.wait(napping, 0, 0, fullPipeMs)
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off('exit', this.#flushAtExit)
    await this.flush()
    if (this.#isOwn) await promisify(close)(this.#fd)
  }
}
