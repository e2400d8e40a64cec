/**
 * Who a recipient is: asked for every RCPT TO, so answered from memory where it was asked before.
 *
 * Only local answers are kept: what a stranger makes up must not push out what is used, and telling that
 * somebody does not exist costs two reads. The bus empties the cache when anything about accounts changes;
 * since a hint may be lost, an answer is also forgotten after a minute.
 */
import type { Clock } from '#base/clock.ts'
import { Lru } from '#base/lru.ts'
import type { Bus } from '#bus/bus.ts'
import type { Db } from '#kv/db.ts'
import { recipientKeys } from './address.ts'
import { expandList, type ListMembers } from './list-expansion.ts'
import { AddressLookup, type Resolution, type StoredList } from './lookup.ts'

const keptMs = 60_000
const maxKept = 20_000
/** The name of the bus's `forget` messages. Their key is the id of an account, or a text that is none. */
export const accountCache = 'account'

interface Kept {
  readonly resolution: Resolution
  readonly until: number
}

const unknownUser: Resolution = { kind: 'unknownUser' }

export class Resolver implements Disposable {
  readonly #db: Db
  readonly #clock: Clock
  readonly #lookup = new AddressLookup()
  readonly #kept = new Lru<string, Kept>(maxKept)
  readonly #subscription: Disposable
  /** Counts what was forgotten, so that an answer read before is not kept after. */
  #forgotten = 0

  constructor(o: { db: Db; bus: Bus; clock: Clock }) {
    this.#db = o.db
    this.#clock = o.clock
    this.#subscription = o.bus.on('forget', (message) => {
      if (message.cache !== accountCache) return
      this.#forgotten++
      this.#kept.clear()
    })
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]()
  }

  /** Text that is no address is of no user. */
  async resolve(recipient: string): Promise<Resolution> {
    const kept = this.#kept.get(recipient)
    if (kept !== undefined && kept.until > this.#clock.now()) return kept.resolution
    const keys = recipientKeys(recipient)
    if (keys === undefined) return unknownUser
    const forgotten = this.#forgotten
    const resolution = await this.#db.read((tx) => this.#lookup.find(tx, keys))
    const isOurs = resolution.kind === 'local' || resolution.kind === 'list'
    if (isOurs && forgotten === this.#forgotten) {
      this.#kept.set(recipient, { resolution, until: this.#clock.now() + keptMs })
    }
    return resolution
  }

  /** Who is behind a list and the lists in it, each once. */
  expand(list: StoredList): Promise<ListMembers> {
    return this.#db.read((tx) => expandList(tx, this.#lookup, list))
  }
}
