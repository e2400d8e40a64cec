/**
 * News of a command that takes long (RFC 9585), as long as this is not disposed of: who makes one writes nothing
 * itself meanwhile, so that the news stands between responses.
 */
import type { ImapSession } from './session.ts'

export class Progress implements Disposable {
  /** How many of the messages are done. */
  done = 0
  readonly #session: ImapSession
  readonly #goal: number
  readonly #timer: NodeJS.Timeout

  constructor(session: ImapSession, goal: number) {
    this.#session = session
    this.#goal = goal
    // Who is gone needs no news.
    this.#timer = setInterval(() => void this.#tell().catch(() => {}), session.settings.progressInterval)
    this.#timer.unref()
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }

  async #tell(): Promise<void> {
    const { reader, out } = this.#session
    // RFC 9585 §4: a code cannot hold "]", and nobody is told that all is done by anything but the tagged line.
    const tag = reader.tag.includes(']') ? 'NIL' : `"${reader.tag}"`
    const isKnown = this.done < this.#goal
    const state = isKnown ? `${this.done} ${this.#goal}` : 'NIL NIL'
    const text = isKnown
      ? `Processed ${Math.floor((this.done * 100) / this.#goal)}% of the messages`
      : 'Still at it'
    this.#session.untagged(`OK [INPROGRESS (${tag} ${state})] ${text}`)
    await out.end()
  }
}
