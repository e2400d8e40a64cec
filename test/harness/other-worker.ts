/**
 * Another worker, for tests of what two do at the same time. Their locks know nothing of each other, and where they
 * meet is between a body that has run and its commit: there the other one does something, once.
 */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { LocalBus } from '#bus/engines/local.ts'
import type { KvEngine } from '#kv/backend.ts'
import { KvDb } from '#kv/db.ts'

export class OtherWorker {
  readonly db: KvDb
  #next: (() => unknown) | undefined
  #bodies = 0

  /** `db` is what is used here. */
  constructor(t: TestContext, { db, engine }: { readonly db: KvDb; readonly engine: KvEngine }) {
    this.db = new KvDb(engine, new LocalBus({ onError: (error) => assert.fail(String(error)) }))
    const write = db.write.bind(db)
    t.mock.method(db, 'write', ((accounts, body, o) =>
      write(
        accounts,
        async (tx) => {
          const result = await body(tx)
          if (this.#bodies-- > 0) return result
          const next = this.#next
          this.#next = undefined
          await next?.()
          return result
        },
        o,
      )) as KvDb['write'])
  }

  /** `does` comes between the next body here, or one that runs `later` ones after it, and its commit. */
  comesBetween(does: (db: KvDb) => unknown, later = 0): void {
    this.#bodies = later
    this.#next = () => does(this.db)
  }

  /** Whether what was to come between has come. */
  get hasCome(): boolean {
    return this.#next === undefined
  }
}
