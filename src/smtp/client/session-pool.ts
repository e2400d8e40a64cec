/**
 * Sessions that have sent a message and wait a moment for another one to the same server: a greeting and a
 * TLS handshake less for each.
 *
 * What must always hold: a session is in use by one job at a time; one that has been waiting is used only if
 * nothing came over it since.
 */
import type { ClientSession } from './session.ts'

interface Idle {
  readonly session: ClientSession
  readonly timer: NodeJS.Timeout
}

/** Of all destinations together. */
const mostIdle = 500

export class SessionPool implements Disposable {
  readonly #idle = new Map<string, Idle[]>()
  #count = 0

  /** The one that was used last, so that the others can end. */
  take(key: string): ClientSession | undefined {
    for (;;) {
      const waiting = this.#idle.get(key)
      const found = waiting?.pop()
      if (waiting === undefined || found === undefined) return undefined
      if (waiting.length === 0) this.#idle.delete(key)
      this.#count--
      clearTimeout(found.timer)
      if (found.session.connection.isQuiet) return found.session
      found.session.connection.destroy()
    }
  }

  give(key: string, session: ClientSession, idleMs: number): void {
    if (this.#count >= mostIdle || idleMs === 0 || !session.connection.isQuiet) {
      session.quit()
      return
    }
    const timer = setTimeout(() => this.#expire(key, session), idleMs)
    timer.unref()
    const waiting = this.#idle.get(key)
    if (waiting === undefined) this.#idle.set(key, [{ session, timer }])
    else waiting.push({ session, timer })
    this.#count++
  }

  [Symbol.dispose](): void {
    for (const waiting of this.#idle.values()) {
      for (const { session, timer } of waiting) {
        clearTimeout(timer)
        session.quit()
      }
    }
    this.#idle.clear()
    this.#count = 0
  }

  #expire(key: string, session: ClientSession): void {
    const waiting = this.#idle.get(key) ?? []
    const left = waiting.filter((one) => one.session !== session)
    if (left.length === waiting.length) return
    this.#count--
    if (left.length === 0) this.#idle.delete(key)
    else this.#idle.set(key, left)
    session.quit()
  }
}
