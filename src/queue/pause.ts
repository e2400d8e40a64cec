/** Whether the queue stands still: the word of an administrator, which holds until it is taken back. */
import type { Clock } from '#base/clock.ts'
import type { Db } from '#kv/db.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import { queuePaused, queueResumed } from './events.ts'
import { type Paused, queuePausedTable } from './tables.ts'

export class QueuePause {
  readonly #o: { readonly db: Db; readonly clock: Clock; readonly telemetry: Telemetry }
  /** `unknown` until the row was read. */
  #said: Paused | 'unknown' | undefined = 'unknown'

  constructor(o: { db: Db; clock: Clock; telemetry: Telemetry }) {
    this.#o = o
  }

  /** Who said so, and when; undefined also before that was read. */
  get said(): Paused | undefined {
    return this.#said === 'unknown' ? undefined : this.#said
  }

  /** What was said before the start is known. */
  get isLoaded(): boolean {
    return this.#said !== 'unknown'
  }

  /** Nothing may be begun: it was said, or nobody has looked yet. */
  get holds(): boolean {
    return this.#said !== undefined
  }

  /** Reads what was said before the start, once. */
  async load(): Promise<void> {
    if (this.isLoaded) return
    const stored = await this.#o.db.read((tx) => tx.get(queuePausedTable))
    // Somebody may have said so meanwhile.
    if (this.#said === 'unknown') this.#said = stored
  }

  async begin(by: string): Promise<void> {
    const { db, clock, telemetry } = this.#o
    const paused = this.said ?? { at: clock.now(), by }
    await db.write([], async (tx) => tx.put(queuePausedTable, [], paused))
    this.#said = paused
    telemetry.emit(queuePaused, { by })
  }

  async end(by: string): Promise<void> {
    const { db, telemetry } = this.#o
    await db.write([], async (tx) => tx.delete(queuePausedTable, []))
    this.#said = undefined
    telemetry.emit(queueResumed, { by })
  }
}
