/**
 * What could begin but for a free slot, in memory: how much is under way in each virtual queue and to each
 * destination, and who is next. Destinations take turns, so that one with much mail does not keep the others
 * waiting; what is too much for memory has to look again later.
 */
import type { Clock } from '#base/clock.ts'
import { FairQueue } from '#base/fair-queue.ts'
import type { Settings } from '#settings/object.ts'
import { type Blocked, Destinations } from './destinations.ts'
import { type BuiltInQueue, mtaOutbound, threadsOf } from './settings.ts'
import type { QueueId } from './tables.ts'
import type { RecipientResult } from './transport.ts'

/** Recipients of one message that are dealt with together. */
export interface Piece {
  readonly id: QueueId
  readonly queue: string
  readonly numbers: readonly number[]
  /** The key of the destination; empty where the sender is to be told. */
  readonly key: string
}

/** Of one virtual queue. A piece takes some hundred bytes. */
const mostWaiting = 10_000
const mostOfOne = 2000
/** What has just come in finds a place when the rest is full of what is looked through. */
const keptForNew = 1000

export class Line {
  readonly #clock: Clock
  readonly #settings: Settings
  readonly #destinations = new Destinations()
  readonly #waiting = new Map<string, FairQueue<Piece>>()
  readonly #active = new Map<string, number>()

  constructor(o: { clock: Clock; settings: Settings }) {
    this.#clock = o.clock
    this.#settings = o.settings
  }

  /** `begin`: at once. `full`: it cannot even wait. Or when it looks again, and why if nobody answers there. */
  enter(piece: Piece): 'begin' | 'waits' | 'full' | Blocked {
    const { key, queue } = piece
    const answer = this.#ask(key)
    if (typeof answer === 'object') return this.#later(key, answer)
    if (answer === 'go' && this.#hasSlot(queue)) {
      this.#begin(piece)
      return 'begin'
    }
    let waiting = this.#waiting.get(queue)
    if (waiting === undefined)
      this.#waiting.set(queue, (waiting = new FairQueue({ most: mostWaiting, mostOfOne })))
    if (waiting.push(key, piece)) return 'waits'
    if (waiting.size >= mostWaiting) return 'full'
    return this.#later(key)
  }

  /** Whoever is next, if anybody may begin now. */
  next(): Piece | undefined {
    for (const [queue, waiting] of this.#waiting) {
      if (!this.#hasSlot(queue)) continue
      const piece = waiting.shift((key) => this.#ask(key) === 'go')
      if (piece === undefined) continue
      this.#begin(piece)
      return piece
    }
    return undefined
  }

  /** Nothing of a piece goes there any more. Returns who may not wait now, where nobody answers, and until when. */
  left(
    key: string,
    o: { readonly begunAt: number; readonly unreachable: RecipientResult | undefined },
  ): readonly (readonly [Piece, Blocked])[] {
    if (key === '') return []
    this.#destinations.end(key, { ...o, now: this.#clock.now() })
    const answer = this.#ask(key)
    if (typeof answer !== 'object') return []
    const pieces = [...this.#waiting.values()].flatMap((waiting) => waiting.remove(key))
    return pieces.map((piece) => [piece, this.#later(key, answer)])
  }

  /** All is written down. */
  end({ queue }: Piece): void {
    this.#active.set(queue, this.#active.get(queue)! - 1)
  }

  /** Nothing that is looked through need come any more for now. */
  isFull(queue: string): boolean {
    return (this.#waiting.get(queue)?.size ?? 0) >= mostWaiting - keptForNew
  }

  /** There is room again for what is looked through. */
  get hasRoom(): boolean {
    return [...this.#waiting.values()].every(({ size }) => size < mostWaiting / 2)
  }

  /** An administrator wants it tried now. */
  forgive(key: string): void {
    this.#destinations.forgive(key)
  }

  #later(key: string, blocked?: Blocked): Blocked {
    const until = this.#destinations.turn(key, this.#clock.now(), this.#mostOf())
    return { until, why: blocked?.why }
  }

  #begin({ key, queue }: Piece): void {
    this.#active.set(queue, (this.#active.get(queue) ?? 0) + 1)
    if (key !== '') this.#destinations.begin(key, this.#clock.now())
  }

  #ask(key: string): ReturnType<Destinations['ask']> {
    return key === '' ? 'go' : this.#destinations.ask(key, this.#clock.now(), this.#mostOf())
  }

  #mostOf(): number {
    return this.#settings.get(mtaOutbound).maxPerDestination
  }

  #hasSlot(queue: string): boolean {
    return (this.#active.get(queue) ?? 0) < threadsOf(this.#settings, queue as BuiltInQueue)
  }
}
