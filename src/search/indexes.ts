/**
 * The indexes of all accounts, for searches on one worker.
 *
 * An index that cannot be read is taken away, and made anew by whoever indexes: until then searches read the
 * messages themselves, so that nothing is missed.
 */
import { isFault, SyntaxFault } from '#base/fault.ts'
import type { AccountId } from '#base/id.ts'
import { DamagedBlob } from '#blob/record.ts'
import type { BlobStore } from '#blob/store.ts'
import type { Bus } from '#bus/bus.ts'
import type { Db } from '#kv/db.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import { AccountIndex } from './account-index.ts'
import { indexDamaged } from './events.ts'
import { dropIndex, isOutdated, manifestTable } from './manifest.ts'
import { SegmentCache } from './segment.ts'

export class SearchIndexes {
  readonly #db: Db
  readonly #bus: Bus
  readonly #telemetry: Telemetry
  readonly #segments: SegmentCache

  /** `budgetBytes` bounds what of all indexes is kept in memory. */
  constructor(o: { db: Db; bus: Bus; blobs: BlobStore; telemetry: Telemetry; budgetBytes: number }) {
    this.#db = o.db
    this.#bus = o.bus
    this.#telemetry = o.telemetry
    this.#segments = new SegmentCache(o.blobs, o.budgetBytes)
  }

  /**
   * What `ask` learns from the index of the account. Undefined where there is none, where it turned out to be
   * damaged, and where the disk does not give it now: then it stays as it is.
   */
  async ask<T>(account: AccountId, ask: (index: AccountIndex) => Promise<T>): Promise<T | undefined> {
    for (let isSecond = false; ; isSecond = true) {
      try {
        const index = await this.#open(account)
        return index === undefined ? undefined : await ask(index)
      } catch (error) {
        if (isFault(error, 'unavailable')) return undefined
        if (!isDamage(error)) throw error
        // Segments may have been merged in between, and swept.
        if (!isSecond) continue
        await this.#drop(account, error as Error)
        return undefined
      }
    }
  }

  async #open(account: AccountId): Promise<AccountIndex | undefined> {
    const manifest = await this.#db.read((tx) => tx.get(manifestTable, account))
    if (manifest === undefined || isOutdated(manifest) || manifest.segments.length === 0) return undefined
    return new AccountIndex(await Promise.all(manifest.segments.map(({ blob }) => this.#segments.open(blob))))
  }

  async #drop(account: AccountId, error: Error): Promise<void> {
    this.#telemetry.emit(indexDamaged, { account, reason: error.message })
    await this.#db.write([], (tx) => dropIndex(tx, account))
    this.#bus.publish({ kind: 'index', account })
  }
}

const isDamage = (error: unknown): boolean =>
  error instanceof SyntaxFault || error instanceof DamagedBlob || isFault(error, 'notFound')
