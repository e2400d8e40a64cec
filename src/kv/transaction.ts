/**
 * What a `db.read` or `db.write` body works with: typed rows over one snapshot, and for writes an overlay of
 * what the body did so far, which becomes one Batch.
 *
 * The body awaits only its transaction. Nothing reaches the engine before the body has ended, so a body that
 * throws, or runs again after a conflict, leaves no trace.
 */
import { afterPrefix } from '#base/bytes.ts'
import { Fault, isFault } from '#base/fault.ts'
import type { AccountId, BlobHash, DataType, MailboxId, Modseq, Uid } from '#base/id.ts'
import type { Maybe } from '#base/maybe.ts'
import type { Batch, KvRow, KvSnapshot, Staged } from './backend.ts'
import { type BlobOwner, blobLinkTable, blobTable, isLive } from './blob-rows.ts'
import { type Changes, changeLogTable, expungeLogTable, mergeChange } from './change-log.ts'
import { keyBytes, keyText } from './key.ts'
import { sequenceTable } from './sequence.ts'
import { accountOfKey, isOfAccount, type Table } from './table.ts'
import { type TaskName, taskRow, taskTable } from './task-rows.ts'
import type { Change, ListOptions, ReadTx, WriteTx } from './tx.ts'

/** Rows that are read from the engine at a time. */
const mostPerPage = 1000

export class ReadTransaction implements ReadTx {
  protected readonly snapshot: KvSnapshot

  constructor(snapshot: KvSnapshot) {
    this.snapshot = snapshot
  }

  get<K extends readonly unknown[], V>(table: Table<K, V>, ...key: K): Maybe<V | undefined> {
    const bytes = this.read(table.key(...key))
    if (bytes instanceof Promise)
      return bytes.then((b) => (b === undefined ? undefined : table.value.decode(b)))
    return bytes === undefined ? undefined : table.value.decode(bytes)
  }

  async getMany<K extends readonly unknown[], V>(
    table: Table<K, V>,
    keys: readonly K[],
  ): Promise<readonly (V | undefined)[]> {
    const values = await this.readMany(keys.map((key) => table.key(...key)))
    return values.map((bytes) => (bytes === undefined ? undefined : table.value.decode(bytes)))
  }

  async list<K extends readonly unknown[], V>(
    table: Table<K, V>,
    prefix: readonly unknown[],
    o: ListOptions<K> = {},
  ): Promise<readonly (readonly [K, V])[]> {
    const start = table.prefix(...prefix)
    let from = start
    let to = afterPrefix(start)!
    if (o.after !== undefined) {
      const after = table.key(...o.after)
      if (o.reverse === true) to = after
      else from = Buffer.concat([after, Buffer.of(0)])
    }
    const found: (readonly [K, V])[] = []
    const wanted = o.limit ?? Number.POSITIVE_INFINITY
    let page = Math.min(wanted, mostPerPage)
    while (found.length < wanted) {
      const rows = await this.readRange(from, to, page, o.reverse === true)
      for (const [key, value] of rows) {
        const elements = table.elements(key)
        if (elements !== undefined && found.length < wanted) found.push([elements, table.value.decode(value)])
      }
      if (rows.length < page) break
      const last = rows.at(-1)![0]
      if (o.reverse === true) to = last
      else from = Buffer.concat([last, Buffer.of(0)])
      // Tables that share a letter interleave: there may be many rows of another one in between.
      page = Math.min(page * 4, mostPerPage)
    }
    return found
  }

  sequence(account: AccountId): Maybe<Modseq> {
    const found = this.get(sequenceTable, account)
    return found instanceof Promise ? found.then((n) => n ?? (0 as Modseq)) : (found ?? (0 as Modseq))
  }

  protected read(key: Uint8Array): Maybe<Uint8Array | undefined> {
    return this.snapshot.get(key)
  }

  protected readMany(keys: readonly Uint8Array[]): Maybe<readonly (Uint8Array | undefined)[]> {
    return this.snapshot.getMany(keys)
  }

  protected readRange(
    from: Uint8Array,
    to: Uint8Array,
    limit: number,
    reverse: boolean,
  ): Maybe<readonly KvRow[]> {
    return this.snapshot.range({ from, to, limit, reverse })
  }
}

/** What a write replaced, or how to take back something else. */
type Undo = { readonly key: string; readonly before: Uint8Array | null | undefined } | (() => void)

interface AccountWork {
  /** The sequence that the snapshot shows. */
  readonly before: Modseq
  /** That of the last writer of this transaction that changed something. */
  last: Modseq
  /** What all of them changed. */
  readonly types: Set<DataType>
  /** Of the writer that runs. */
  touched: boolean
  changes: Map<DataType, Changes>
  expunged: Map<MailboxId, Uid[]>
}

const newWork = (before: Modseq): AccountWork => ({
  before,
  last: before,
  types: new Set(),
  touched: false,
  changes: new Map(),
  expunged: new Map(),
})

export class WriteTransaction extends ReadTransaction implements WriteTx {
  readonly #accounts: ReadonlyMap<AccountId, AccountWork>
  /** By key as text; null: deleted. */
  readonly #written = new Map<string, Uint8Array | null>()
  readonly #checks = new Map<string, Uint8Array | undefined>()
  /** Rows of no account that `list` has found: checked where they are put again. */
  readonly #listed = new Map<string, Uint8Array>()
  readonly #blobs: Staged[] = []
  readonly #newTaskId: () => string
  /** Whether the scheduler is to be told of this commit. */
  scheduledTasks = false
  /** While an attempt runs: how to take back what it did, newest last. */
  #undo: Undo[] | undefined

  constructor(snapshot: KvSnapshot, accounts: ReadonlyMap<AccountId, Modseq>, newTaskId: () => string) {
    super(snapshot)
    this.#accounts = new Map([...accounts].map(([id, before]) => [id, newWork(before)]))
    this.#newTaskId = newTaskId
  }

  put<K extends readonly unknown[], V>(table: Table<K, V>, key: K, value: V): void {
    this.#write(table.key(...key), table.value.encode(value))
  }

  delete<K extends readonly unknown[], V>(table: Table<K, V>, key: K): void {
    this.#write(table.key(...key), null)
  }

  /** Also of the writers before this one, whose rows it sees. */
  override sequence(account: AccountId): Maybe<Modseq> {
    return this.#accounts.get(account)?.last ?? super.sequence(account)
  }

  modseq(account: AccountId): Modseq {
    return (this.#work(account).last + 1) as Modseq
  }

  attach(blob: Staged, owner: BlobOwner): BlobHash {
    this.#blobs.push(blob)
    this.#undo?.push(() => this.#blobs.pop())
    this.put(blobLinkTable, [blob.hash, owner.account, owner.kind, owner.id], true)
    return blob.hash
  }

  async link(hash: BlobHash, owner: BlobOwner): Promise<void> {
    if (!this.#blobs.some((blob) => blob.hash === hash)) {
      const stored = await this.get(blobTable, hash)
      if (stored === undefined) throw new Fault('notFound', 'no such blob', { what: 'blob' })
      if (!isLive(stored)) this.put(blobTable, [hash], { ...stored, condemnedAt: 0 })
    }
    this.put(blobLinkTable, [hash, owner.account, owner.kind, owner.id], true)
  }

  unlink(hash: BlobHash, owner: BlobOwner): void {
    this.delete(blobLinkTable, [hash, owner.account, owner.kind, owner.id])
  }

  changed(account: AccountId, type: DataType, id: number, how: Change): void {
    const work = this.#touch(account)
    let changes = work.changes.get(type)
    if (changes === undefined) work.changes.set(type, (changes = new Map()))
    const before = changes.get(id)
    mergeChange(changes, id, how)
    const all = changes
    this.#undo?.push(() => (before === undefined ? all.delete(id) : all.set(id, before)))
  }

  expunged(account: AccountId, mailbox: MailboxId, uids: readonly Uid[]): void {
    const work = this.#touch(account)
    const before = work.expunged.get(mailbox) ?? []
    work.expunged.set(mailbox, [...before, ...uids])
    this.#undo?.push(() => work.expunged.set(mailbox, before))
  }

  schedule<P>(task: TaskName<P>, payload: P, atMs: number): void {
    this.scheduledTasks = true
    this.put(taskTable, [atMs, this.#newTaskId()], taskRow(task, payload))
  }

  async attempt<T>(body: () => Promise<T>): Promise<T | Fault> {
    const outer = this.#undo
    const undo: Undo[] = []
    this.#undo = undo
    try {
      const result = await body()
      outer?.push(...undo)
      return result
    } catch (error) {
      for (const step of undo.reverse()) this.#takeBack(step)
      if (isFault(error)) return error
      throw error
    } finally {
      this.#undo = outer
    }
  }

  /** Which types changed in which account, for the hint on the bus. Once `finish` was called. */
  changedTypes(): readonly { account: AccountId; modseq: Modseq; types: readonly DataType[] }[] {
    const all = []
    for (const [account, { before, last, types }] of this.#accounts) {
      if (last > before) all.push({ account, modseq: last, types: [...types] })
    }
    return all
  }

  /**
   * A writer is done: what it changed has its own number in each account, and the next gets the one after. Returns
   * the numbers of those accounts in which it changed something.
   */
  endWriter(): ReadonlyMap<AccountId, Modseq> {
    const numbers = new Map<AccountId, Modseq>()
    for (const [account, work] of this.#accounts) {
      if (!work.touched) continue
      const modseq = this.modseq(account)
      for (const [type, changes] of work.changes) if (changes.size === 0) work.changes.delete(type)
      if (work.changes.size > 0) this.put(changeLogTable, [account, modseq], work.changes)
      for (const [mailbox, uids] of work.expunged) {
        if (uids.length > 0)
          this.put(
            expungeLogTable,
            [account, mailbox, modseq],
            uids.sort((a, b) => a - b),
          )
      }
      for (const type of work.changes.keys()) work.types.add(type)
      work.last = modseq
      work.touched = false
      work.changes = new Map()
      work.expunged = new Map()
      numbers.set(account, modseq)
    }
    return numbers
  }

  /** All that the writers did as one batch, undefined where they did nothing. */
  finish(): Batch | undefined {
    this.endWriter()
    for (const [account, { before, last }] of this.#accounts) {
      const key = keyText(sequenceTable.key(account))
      const was = before === 0 ? undefined : sequenceTable.value.encode(before)
      this.#checks.set(key, was)
      if (last === before) continue
      // A body that deletes the sequence ends the account: no row of it comes back.
      if (this.#written.get(key) !== null) this.#written.set(key, sequenceTable.value.encode(last))
    }
    if (this.#written.size === 0 && this.#blobs.length === 0) return undefined
    const puts: { key: string; value: Uint8Array }[] = []
    const deletes: string[] = []
    for (const [key, value] of this.#written) {
      if (value === null) deletes.push(key)
      else puts.push({ key, value })
    }
    const checks = Array.from(this.#checks, ([key, was]) => ({ key, was }))
    return { checks, puts, deletes, blobs: this.#blobs }
  }

  protected override read(key: Uint8Array): Maybe<Uint8Array | undefined> {
    const text = keyText(key)
    const written = this.#written.get(text)
    if (written !== undefined) return written ?? undefined
    const found = super.read(key)
    if (isOfAccount(key)) return found
    if (found instanceof Promise) return found.then((value) => this.#check(text, value))
    return this.#check(text, found)
  }

  protected override async readMany(
    keys: readonly Uint8Array[],
  ): Promise<readonly (Uint8Array | undefined)[]> {
    const values = await super.readMany(keys)
    return keys.map((key, i) => {
      const text = keyText(key)
      const written = this.#written.get(text)
      if (written !== undefined) return written ?? undefined
      return isOfAccount(key) ? values[i] : this.#check(text, values[i])
    })
  }

  protected override async readRange(
    from: Uint8Array,
    to: Uint8Array,
    limit: number,
    reverse: boolean,
  ): Promise<readonly KvRow[]> {
    const own: [string, Uint8Array | null][] = []
    const first = keyText(from)
    const end = keyText(to)
    for (const entry of this.#written) if (entry[0] >= first && entry[0] < end) own.push(entry)
    // Every deleted row may hide one of the store's, so that many more are read.
    const stored = await super.readRange(from, to, limit + own.length, reverse)
    if (!isOfAccount(from)) for (const [key, value] of stored) this.#listed.set(keyText(key), value)
    if (own.length === 0) return stored
    const rows = new Map<string, KvRow>(stored.map((row) => [keyText(row[0]), row]))
    // A full page of stored rows says nothing about what lies beyond its end.
    const horizon = stored.length === limit + own.length ? keyText(stored.at(-1)![0]) : undefined
    for (const [text, value] of own) {
      if (value === null) rows.delete(text)
      else if (horizon === undefined || (reverse ? text >= horizon : text <= horizon))
        rows.set(text, [keyBytes(text), value])
    }
    const sorted = [...rows.values()].sort((a, b) => Buffer.compare(a[0], b[0]))
    return (reverse ? sorted.reverse() : sorted).slice(0, limit)
  }

  #write(physical: Uint8Array, value: Uint8Array | null): void {
    const account = accountOfKey(physical)
    if (account !== undefined) this.#touch(account)
    const key = keyText(physical)
    const listed = value === null ? undefined : this.#listed.get(key)
    if (listed !== undefined) this.#check(key, listed)
    this.#undo?.push({ key, before: this.#written.get(key) })
    this.#written.set(key, value)
  }

  /** The store must still have this when the batch is applied. */
  #check(key: string, was: Uint8Array | undefined): Uint8Array | undefined {
    this.#checks.set(key, was)
    return was
  }

  #takeBack(step: Undo): void {
    if (typeof step === 'function') step()
    else if (step.before === undefined) this.#written.delete(step.key)
    else this.#written.set(step.key, step.before)
  }

  #touch(account: AccountId): AccountWork {
    const work = this.#work(account)
    if (!work.touched) this.#undo?.push(() => (work.touched = false))
    work.touched = true
    return work
  }

  #work(account: AccountId): AccountWork {
    const work = this.#accounts.get(account)
    if (work === undefined) throw new Error(`account ${account} is not locked by this write`)
    return work
  }
}
