/**
 * Stored structures of many messages of a mailbox, in order: a page of them in each snapshot, and between two pages
 * everybody else has a turn. What is kept of each is the caller's.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { SyntaxFault } from '#base/fault.ts'
import type { AccountId, MessageId } from '#base/id.ts'
import type { Db } from '#kv/db.ts'
import { StoredStructure } from '#message/structure-codec.ts'
import type { MailboxView } from '../mailbox-view.ts'
import { structureTable } from '../tables.ts'

const pageMessages = 256

/** Messages of a mailbox: what is sorted and threaded. */
export interface Selection {
  readonly db: Db
  readonly account: AccountId
  readonly view: MailboxView
  /** Indexes into the view, ascending. */
  readonly indexes: readonly number[]
  readonly signal?: AbortSignal
}

/**
 * Calls `read` for each message with its place among the indexes. Not for one that is gone meanwhile, nor for one
 * whose structure is damaged beyond what `read` asks of it.
 */
export async function eachStructure(
  { db, account, view, indexes, signal }: Selection,
  read: (structure: StoredStructure, place: number) => void,
): Promise<void> {
  for (let from = 0; from < indexes.length; from += pageMessages) {
    if (from > 0) await nextTurn()
    signal?.throwIfAborted()
    const page = indexes.slice(from, from + pageMessages)
    const keys = page.map((index) => [account, view.ids.at(index) as MessageId] as const)
    const structures = await db.read((tx) => tx.getMany(structureTable, keys))
    for (const [i, stored] of structures.entries()) {
      try {
        if (stored !== undefined) read(new StoredStructure(stored), from + i)
      } catch (error) {
        if (!(error instanceof SyntaxFault)) throw error
      }
    }
  }
}
