/**
 * What the bodies of `db.read` and `db.write` may do. `kv/transaction.ts` implements it; everybody else uses
 * these interfaces, and takes one as its first parameter.
 */
import type { Fault } from '#base/fault.ts'
import type { AccountId, BlobHash, DataType, MailboxId, Modseq, Uid } from '#base/id.ts'
import type { Maybe } from '#base/maybe.ts'
import type { Staged } from './backend.ts'
import type { BlobOwner } from './blob-rows.ts'
import type { Table } from './table.ts'
import type { TaskName } from './task-rows.ts'

/**
 * `counts` means: updated, but only in numbers that follow from others (RFC 8621 §2.2). `restored`: it was destroyed,
 * or hidden from the beginning, and is there now.
 */
export type Change = 'created' | 'updated' | 'destroyed' | 'counts' | 'restored'

export interface ListOptions<K> {
  /** Only rows after this key (before it when `reverse`). */
  after?: K
  limit?: number
  reverse?: boolean
}

export interface ReadTx {
  get<K extends readonly unknown[], V>(table: Table<K, V>, ...key: K): Maybe<V | undefined>
  getMany<K extends readonly unknown[], V>(
    table: Table<K, V>,
    keys: readonly K[],
  ): Maybe<readonly (V | undefined)[]>
  /** Rows whose key starts with `prefix`, in key order. */
  list<K extends readonly unknown[], V>(
    table: Table<K, V>,
    prefix: readonly unknown[],
    o?: ListOptions<K>,
  ): Promise<readonly (readonly [K, V])[]>
  /** The number of the last change of the account, 0 before the first. */
  sequence(account: AccountId): Maybe<Modseq>
}

/**
 * What a body may rely on, whoever writes at the same time on other workers and machines. The commit checks it; where
 * it does not hold any more, nothing is written and the body runs again.
 *
 * - Of every account that the write names: nothing has changed, also where the body only reads it.
 * - Of rows of no account: those that it read by their keys (`get`, `getMany`) are as they were, there or not; and so
 *   are those that `list` found, where it puts them again.
 * - Nothing else: not what `list` found and the body only looks at or deletes, not that there is no more than it found, and
 *   no rows of accounts that the write does not name. Where a decision follows from these, `mark.ts` helps.
 *
 * What is put or deleted unread takes the place of whatever is there.
 */
export interface WriteTx extends ReadTx {
  put<K extends readonly unknown[], V>(table: Table<K, V>, key: K, value: V): void
  delete<K extends readonly unknown[], V>(table: Table<K, V>, key: K): void
  /** The sequence number that this writer's change will have in the account: what its rows carry as MODSEQ. */
  modseq(account: AccountId): Modseq
  /** The bytes become durable with this commit; a second owner of the same bytes costs a link. */
  attach(blob: Staged, owner: BlobOwner): BlobHash
  /** A further owner for a blob that is stored; throws Fault('notFound') where it is gone. */
  link(hash: BlobHash, owner: BlobOwner): Promise<void>
  unlink(hash: BlobHash, owner: BlobOwner): void
  changed(account: AccountId, type: DataType, id: number, how: Change): void
  expunged(account: AccountId, mailbox: MailboxId, uids: readonly Uid[]): void
  schedule<P>(task: TaskName<P>, payload: P, atMs: number): void
  /** One object of many: a Fault drops the body's writes and is returned, anything else is thrown. */
  attempt<T>(body: () => Promise<T>): Promise<T | Fault>
}
