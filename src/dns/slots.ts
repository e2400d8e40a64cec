/** How many may do something at once: sockets, questions on a connection. Whoever comes later waits in order. */
import { reasonOf } from './transport.ts'

export class Slots {
  #free: number
  readonly #waiting = new Set<() => void>()

  constructor(count: number) {
    this.#free = count
  }

  /** Runs `body` when a slot is free. Throws the signal's reason where it is aborted before. */
  async use<T>(signal: AbortSignal, body: () => Promise<T>): Promise<T> {
    await this.#take(signal)
    try {
      return await body()
    } finally {
      const [next] = this.#waiting
      if (next === undefined) this.#free++
      else next()
    }
  }

  #take(signal: AbortSignal): Promise<void> | undefined {
    signal.throwIfAborted()
    if (this.#free > 0) {
      this.#free--
      return undefined
    }
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(enter)
        signal.removeEventListener('abort', abort)
      }
      const enter = (): void => {
        leave()
        resolve()
      }
      const abort = (): void => {
        leave()
        reject(reasonOf(signal))
      }
      this.#waiting.add(enter)
      signal.addEventListener('abort', abort)
    })
  }
}
