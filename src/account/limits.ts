/**
 * How much an account may hold: its own quotas, and what is left of its domain's.
 *
 * An account's quota is exact, since it is asked in the commit that counts. A domain's is not: what all its
 * accounts hold is added up at most once a minute, so mail that comes in meanwhile may go beyond it.
 */
import type { Clock } from '#base/clock.ts'
import { domainPart } from '#base/domain-name.ts'
import type { AccountId } from '#base/id.ts'
import { Lru } from '#base/lru.ts'
import type { Maybe } from '#base/maybe.ts'
import type { Bus } from '#bus/bus.ts'
import type { Db } from '#kv/db.ts'
import type { ReadTx } from '#kv/tx.ts'
import { accountCache } from './resolution.ts'
import type { StoredAccount } from './stored-account.ts'
import { type AccountQuotas, accountNameTable, addressTable, domainTable, mailLimits } from './tables.ts'

export type UsedBytes = (tx: ReadTx, account: AccountId) => Promise<number>
type Limits = ReturnType<typeof mailLimits>

const usageKeptMs = 60_000
const maxDomains = 10_000

interface KeptDomain {
  /** Bytes; 0: no limit. */
  readonly quota: number
  /** Of all its accounts, as of `at`. */
  usedBytes: number
  at: number
}

export class AccountLimits implements Disposable {
  readonly #db: Db
  readonly #clock: Clock
  readonly #usedBytes: UsedBytes
  readonly #domains = new Lru<string, KeptDomain>(maxDomains)
  readonly #subscription: Disposable
  /** Counts what was forgotten, so that a quota read before is not kept after. */
  #forgotten = 0

  constructor(o: { db: Db; bus: Bus; clock: Clock; usedBytes: UsedBytes }) {
    this.#db = o.db
    this.#clock = o.clock
    this.#usedBytes = o.usedBytes
    this.#subscription = o.bus.on('forget', ({ cache }) => {
      if (cache !== accountCache) return
      this.#forgotten++
      this.#domains.clear()
    })
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]()
  }

  /** At once where the domain has no quota or was asked a moment ago. */
  of(account: StoredAccount): Maybe<Limits> {
    const domain = domainPart(account.name)
    const kept = this.#domains.get(domain)
    if (kept?.quota === 0) return mailLimits(account.quotas)
    return this.#within(account, domain, kept)
  }

  async #within(account: StoredAccount, domain: string, known: KeptDomain | undefined): Promise<Limits> {
    const kept = known ?? (await this.#read(domain))
    if (kept.quota === 0) return mailLimits(account.quotas)
    if (this.#clock.now() - kept.at > usageKeptMs) {
      kept.usedBytes = await this.#usage(domain)
      kept.at = this.#clock.now()
    }
    const own = await this.#db.read((tx) => this.#usedBytes(tx, account.id))
    return mailLimits(narrowed(account.quotas, own + Math.max(0, kept.quota - kept.usedBytes)))
  }

  async #read(domain: string): Promise<KeptDomain> {
    const forgotten = this.#forgotten
    const row = await this.#db.read((tx) => tx.get(domainTable, domain))
    const kept = { quota: row?.maxDiskQuota ?? 0, usedBytes: 0, at: -Infinity }
    if (forgotten === this.#forgotten) this.#domains.set(domain, kept)
    return kept
  }

  /** What all accounts that are called by an address of the domain hold. */
  #usage(domain: string): Promise<number> {
    return this.#db.read(async (tx) => {
      const addresses = await tx.list(addressTable, [domain])
      const names = await tx.getMany(
        accountNameTable,
        addresses.map(([[, local]]) => [`${local}@${domain}`] as const),
      )
      let sum = 0
      for (const id of new Set(names)) if (id !== undefined) sum += await this.#usedBytes(tx, id)
      return sum
    })
  }
}

/** A full domain leaves nothing, and 0 would mean that there is no limit. */
const narrowed = (quotas: AccountQuotas, bytes: number): AccountQuotas => ({
  ...quotas,
  diskBytes: Math.max(1, quotas.diskBytes === 0 ? bytes : Math.min(quotas.diskBytes, bytes)),
})
