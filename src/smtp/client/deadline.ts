/**
 * How long a step of a session may take: its own time-out, and the end of all work, which some steps outlast
 * for a while.
 *
 * What must always hold: nothing is left behind when the step is over, neither timer nor listener, however many
 * steps there are under one signal.
 */
export class Deadline implements Disposable {
  readonly #signal: AbortSignal
  readonly #onEnd: () => void
  readonly #timer: NodeJS.Timeout
  readonly #lingerMs: number
  #linger: NodeJS.Timeout | undefined
  #ended: 'late' | 'stopped' | undefined

  /** `onEnd` is called once, when it ends. `lingerMs`: how long the step goes on when all is to end. */
  constructor(o: { timeoutMs: number; signal: AbortSignal; lingerMs: number; onEnd: () => void }) {
    this.#signal = o.signal
    this.#lingerMs = o.lingerMs
    this.#onEnd = o.onEnd
    this.#timer = setTimeout(() => this.#end('late'), o.timeoutMs)
    this.#timer.unref()
    if (o.signal.aborted) this.#stop()
    else o.signal.addEventListener('abort', this.#stop)
  }

  /** Undefined as long as there is time. */
  get ended(): 'late' | 'stopped' | undefined {
    return this.#ended
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    clearTimeout(this.#linger)
    this.#signal.removeEventListener('abort', this.#stop)
  }

  readonly #stop = (): void => {
    if (this.#lingerMs === 0) this.#end('stopped')
    else this.#linger = setTimeout(() => this.#end('stopped'), this.#lingerMs)
  }

  #end(why: 'late' | 'stopped'): void {
    if (this.#ended !== undefined) return
    this.#ended = why
    this.#onEnd()
  }
}
