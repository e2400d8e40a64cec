/**
 * The keys that mail of a domain is signed with, for whoever signs: asked for every message that leaves, so
 * answered from memory where it was asked before.
 *
 * What must always hold: of the store only active keys are given, so nothing is signed by a key whose record nobody
 * has seen in the DNS; those of the configuration are for whoever wrote it. The bus says which domain's keys changed; since a hint may be lost, an answer is also forgotten
 * after a minute.
 */
import { createPrivateKey } from 'node:crypto'
import { accountCache } from '#account/resolution.ts'
import { type DkimKeyRow, dkimKeyTable } from '#account/dkim-tables.ts'
import type { Clock } from '#base/clock.ts'
import { Lru } from '#base/lru.ts'
import type { Maybe } from '#base/maybe.ts'
import type { Bus } from '#bus/bus.ts'
import type { Db } from '#kv/db.ts'
import type { DkimSigningKey } from '#mailauth/dkim-sign.ts'
import type { Settings } from '#settings/object.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import { configuredKeys } from './configured-keys.ts'
import { dkimKeyUnusable } from './events.ts'
import { dkimSignature } from './settings.ts'

/** The name of the bus's `forget` messages. Their key is the domain whose keys changed. */
export const dkimCache = 'dkim'

const keptMs = 60_000
/** Domains, each with two keys of a few KiB as a rule. */
const maxKept = 5000

interface Kept {
  readonly keys: readonly DkimSigningKey[]
  readonly until: number
}

export interface SigningKeysOptions {
  readonly db: Db
  readonly bus: Bus
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly settings: Pick<Settings, 'each' | 'onChange'>
}

export class SigningKeys implements Disposable {
  readonly #o: SigningKeysOptions
  readonly #kept = new Lru<string, Kept>(maxKept)
  readonly #reading = new Map<string, Promise<readonly DkimSigningKey[]>>()
  readonly #subscriptions = new DisposableStack()
  #forgotten = 0

  constructor(o: SigningKeysOptions) {
    this.#o = o
    this.#subscriptions.use(o.settings.onChange(dkimSignature, () => this.#forget(undefined)))
    const subscription = o.bus.on('forget', ({ cache, key }) => {
      if (cache === dkimCache) this.#forget(key)
      // A domain may have gone with its aliases; the keys of accounts are numbers.
      else if (cache === accountCache && !/^\d+$/.test(key)) this.#forget(undefined)
    })
    this.#subscriptions.use(subscription)
  }

  [Symbol.dispose](): void {
    this.#subscriptions.dispose()
  }

  /** `domain` as it is stored, also an alias. None where it has none, or none is ready. */
  keysOf(domain: string): Maybe<readonly DkimSigningKey[]> {
    const kept = this.#kept.get(domain)
    if (kept !== undefined && kept.until > this.#o.clock.now()) return kept.keys
    const under = this.#reading.get(domain)
    if (under !== undefined) return under
    const reading = this.#read(domain).finally(() => {
      if (this.#reading.get(domain) === reading) this.#reading.delete(domain)
    })
    this.#reading.set(domain, reading)
    return reading
  }

  /** Of a host that sends mail itself: those of its name, or of the closest domain above it that has any. */
  async keysOfHost(name: string): Promise<readonly DkimSigningKey[]> {
    for (let domain = name; domain.includes('.'); domain = domain.slice(domain.indexOf('.') + 1)) {
      const keys = await this.keysOf(domain)
      if (keys.length > 0) return keys
    }
    return []
  }

  async #read(domain: string): Promise<readonly DkimSigningKey[]> {
    const forgotten = this.#forgotten
    const rows = await this.#o.db.read((tx) => tx.list(dkimKeyTable, [domain]))
    const configured = configuredKeys(this.#o.settings).filter((one) => one.domain === domain)
    const stored = rows
      .map(([[, selector], row]) => ({ selector, row }))
      .filter(({ selector }) => !configured.some((one) => one.selector === selector))
    const keys = [...configured, ...stored].flatMap(({ selector, row }) =>
      row.stage === 'active' ? this.#usable(domain, selector, row) : [],
    )
    // What was read before a change must not be kept after it.
    if (forgotten === this.#forgotten) this.#kept.set(domain, { keys, until: this.#o.clock.now() + keptMs })
    return keys
  }

  #usable(domain: string, selector: string, row: DkimKeyRow): readonly DkimSigningKey[] {
    const { algorithm, canonicalization, headers, expire } = row
    try {
      const privateKey = createPrivateKey(row.privateKey)
      const expireSeconds = expire === undefined ? undefined : Math.floor(expire / 1000)
      return [{ domain, selector, algorithm, privateKey, canonicalization, headers, expireSeconds }]
    } catch {
      // Not the error: it may tell something of the key.
      this.#o.telemetry.emit(dkimKeyUnusable, { domain, selector })
      return []
    }
  }

  /** Undefined: whatever is remembered. */
  #forget(domain: string | undefined): void {
    this.#forgotten++
    if (domain === undefined) {
      this.#kept.clear()
      this.#reading.clear()
    } else {
      this.#kept.delete(domain)
      this.#reading.delete(domain)
    }
  }
}
