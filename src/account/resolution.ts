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
import type { ReadTx } from '#kv/tx.ts'
import { type RecipientKeys, recipientKeys } from './address.ts'
import { readAccount, type StoredAccount } from './stored-account.ts'
import { addressTable, domainTable } from './tables.ts'

export type Resolution =
  | {
      readonly kind: 'local'
      /** Also when it is disabled: that stops sign-in, mail is still kept for it. */
      readonly account: StoredAccount
      /** The recipient as given, its domain normalised. */
      readonly address: string
      /** What stands behind the first `+` of the local part, where that is how the account was found. */
      readonly detail?: string
    }
  | { readonly kind: 'unknownUser' }
  | { readonly kind: 'remote' }

const unknownUser: Resolution = { kind: 'unknownUser' }
const remote: Resolution = { kind: 'remote' }

const keptMs = 60_000
const maxKept = 20_000
/** The name of the bus's `forget` messages. */
export const accountCache = 'account'

interface Kept {
  readonly resolution: Resolution
  readonly until: number
}

export class Resolver implements Disposable {
  readonly #db: Db
  readonly #clock: Clock
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
    const resolution = await this.#db.read((tx) => lookUp(tx, keys))
    if (resolution.kind === 'local' && forgotten === this.#forgotten) {
      this.#kept.set(recipient, { resolution, until: this.#clock.now() + keptMs })
    }
    return resolution
  }
}

/** The whole local part, then the one before `+`, then the domain's catch-all. */
async function lookUp(tx: ReadTx, keys: RecipientKeys): Promise<Resolution> {
  if ((await tx.get(domainTable, keys.domain)) === undefined) return remote
  const locals = [...keys.locals, '']
  const owners = await tx.getMany(
    addressTable,
    locals.map((local) => [keys.domain, local] as const),
  )
  const found = owners.findIndex((owner) => owner !== undefined)
  if (found < 0) return unknownUser
  const account = await readAccount(tx, owners[found]!)
  if (account === undefined) return unknownUser
  const { address, detail } = keys
  const byDetail = detail !== undefined && found === 1 && keys.locals.length === 2
  return { kind: 'local', account, address, ...(byDetail ? { detail } : {}) }
}
