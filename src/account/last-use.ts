/**
 * When credentials were last used, for whoever asks which of them can go. Written at most once an hour for
 * each, apart from the sign-in, and nobody waits for it.
 */
import type { Clock } from '#base/clock.ts'
import { isFault } from '#base/fault.ts'
import type { AccountId } from '#base/id.ts'
import { Lru } from '#base/lru.ts'
import type { Db } from '#kv/db.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import {
  credentialTable,
  credentialUseTable,
  passwordCredential,
  passwordTable,
} from './credential-tables.ts'
import { lastUseFailed } from './events.ts'
import type { CredentialId } from './shown-once.ts'

const everyMs = 3_600_000
const maxKept = 100_000

export class LastUse {
  readonly #db: Db
  readonly #clock: Clock
  readonly #telemetry: Telemetry
  /** When this process wrote it last. */
  readonly #written = new Lru<string, number>(maxKept)
  readonly #running = new Set<Promise<void>>()

  constructor(o: { db: Db; clock: Clock; telemetry: Telemetry }) {
    this.#db = o.db
    this.#clock = o.clock
    this.#telemetry = o.telemetry
  }

  note(account: AccountId, credential: CredentialId): void {
    const now = this.#clock.now()
    const key = `${account} ${credential}`
    const written = this.#written.get(key)
    if (written !== undefined && now - written < everyMs) return
    this.#written.set(key, now)
    const running = this.#write(account, credential, now)
      .catch((error: unknown) => {
        if (!isFault(error, 'unavailable')) this.#telemetry.emit(lastUseFailed, { account, error })
      })
      .finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  async settled(): Promise<void> {
    await Promise.all(this.#running)
  }

  /** Another process, or this one before its start, may have written within the hour. */
  async #write(account: AccountId, credential: CredentialId, now: number): Promise<void> {
    const before = await this.#db.read((tx) => tx.get(credentialUseTable, account, credential))
    if (before !== undefined && now - before < everyMs) return
    await this.#db.write([], async (tx) => {
      const found =
        credential === passwordCredential
          ? await tx.get(passwordTable, account)
          : await tx.get(credentialTable, account, credential)
      if (found !== undefined) tx.put(credentialUseTable, [account, credential], now)
    })
  }
}
