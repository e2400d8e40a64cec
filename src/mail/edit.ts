/**
 * What one command changes in an account's mail, gathered so that each row is written once.
 *
 * Everything that adds, removes or changes entries goes through here; hence the counters of mailboxes and
 * account, HIGHESTMODSEQ, what JMAP counts, the expunge log and the change log cannot disagree with the rows. Lives inside one
 * `db.write` body: `open` it, change, `finish` it; after a throw the body's writes are dropped with it.
 */
import { Fault } from '#base/fault.ts'
import type { AccountId, MailboxId, MessageId, Modseq, ThreadId, Uid } from '#base/id.ts'
import { logShared } from '#kv/shared-log.ts'
import type { WriteTx } from '#kv/tx.ts'
import { type ChangedMessage, countChanges } from './count-changes.ts'
import { isSeen } from './keywords.ts'
import { assertRoom, type MailLimits } from './limits.ts'
import { addCounts, type MailboxTally, sameCounts } from './mailbox-counts.ts'
import { type MailboxRow, wasShared } from './mailbox-row.ts'
import { type Entry, type MessageRow, sizeOf } from './message-row.ts'
import { countersTable, entryTable, type MailCounters, mailboxTable, messageTable } from './tables.ts'

type Writable<T> = { -readonly [K in keyof T]: T[K] }

interface MailboxDraft {
  readonly before: MailboxRow
  readonly row: Writable<MailboxRow>
  /** Something changed in it, so that HIGHESTMODSEQ rises. */
  touched: boolean
  readonly expunged: Uid[]
}

interface MessageDraft {
  /** undefined for a message that is new. */
  readonly before: MessageRow | undefined
  readonly row: MessageRow
}

const maxUid = 0xffff_ffff

export class AccountEdit {
  readonly tx: WriteTx
  readonly account: AccountId
  readonly modseq: Modseq
  readonly #counters: Writable<MailCounters>
  #countersChanged = false
  readonly #mailboxes = new Map<MailboxId, MailboxDraft>()
  /** Mailboxes that are being deleted, as they were. */
  readonly #forgotten = new Map<MailboxId, MailboxRow>()
  readonly #messages = new Map<MessageId, MessageDraft>()
  /** Messages that are gone, as they were. */
  readonly #released = new Map<MessageId, MessageRow | undefined>()

  private constructor(tx: WriteTx, account: AccountId, counters: MailCounters) {
    this.tx = tx
    this.account = account
    this.modseq = tx.modseq(account)
    this.#counters = { ...counters }
  }

  /** Throws Fault('notFound') for an account that has no mail. */
  static async open(tx: WriteTx, account: AccountId): Promise<AccountEdit> {
    const counters = await tx.get(countersTable, account)
    if (counters === undefined) throw new Fault('notFound', 'no such account', { what: 'account' })
    return new AccountEdit(tx, account, counters)
  }

  /** The mailbox with that role, 0 for none. */
  get trash(): MailboxId | 0 {
    return this.#counters.trash
  }

  get usedBytes(): number {
    return this.#counters.usedBytes
  }

  newMessageId(): MessageId {
    this.#countersChanged = true
    return this.#counters.nextMessage++ as MessageId
  }

  newMailboxId(): MailboxId {
    this.#countersChanged = true
    return this.#counters.nextMailbox++ as MailboxId
  }

  newUidValidity(): number {
    this.#countersChanged = true
    return ++this.#counters.uidValidity
  }

  /** The mailbox as this edit has it so far. Throws Fault('notFound'). */
  async mailbox(id: MailboxId): Promise<Readonly<MailboxRow>> {
    return (await this.#draft(id)).row
  }

  /** Whether one more entry can be put there. Throws Fault 'notFound' and 'conflict'. */
  async assertRoomIn(mailbox: MailboxId): Promise<void> {
    if ((await this.#draft(mailbox)).row.uidNext >= maxUid)
      throw new Fault('conflict', 'mailbox has no more UIDs', {})
  }

  /** Reads the rows of messages, which `message` then returns at once. Ids without a row are passed over. */
  async readMessages(ids: readonly MessageId[]): Promise<void> {
    const missing = ids.filter((id) => !this.#messages.has(id))
    const rows = await this.tx.getMany(
      messageTable,
      missing.map((id) => [this.account, id] as const),
    )
    for (const [i, row] of rows.entries()) {
      if (row !== undefined) this.#messages.set(missing[i]!, { row, before: row })
    }
  }

  /** The message as this edit has it so far, if `readMessages` found it. */
  message(id: MessageId): MessageRow | undefined {
    return this.#messages.get(id)?.row
  }

  /** Ids of messages by the UIDs given, undefined where the mailbox has no such UID. */
  async messagesOf(mailbox: MailboxId, uids: readonly Uid[]): Promise<readonly (MessageId | undefined)[]> {
    return this.tx.getMany(
      entryTable,
      uids.map((uid) => [this.account, mailbox, uid] as const),
    )
  }

  /**
   * Puts a message that has no entry yet, or one more entry of a message, into a mailbox. Returns its UID. The
   * row must be the current one; it is written by `finish`.
   */
  async addEntry(
    id: MessageId,
    row: MessageRow,
    to: MailboxId,
    o: { savedAt: number; deleted: boolean },
  ): Promise<Uid> {
    await this.assertRoomIn(to)
    const draft = await this.#draft(to)
    const uid = draft.row.uidNext
    draft.row.uidNext = (uid + 1) as Uid
    const entry: Entry = { mailbox: to, uid, modseq: this.modseq, savedAt: o.savedAt, deleted: o.deleted }
    count(draft, row, entry, 1)
    this.#put(id, { ...row, entries: [...row.entries, entry] })
    this.tx.put(entryTable, [this.account, to, uid], id)
    return uid
  }

  /** Takes an entry away, which goes to the expunge log. The row stays, even without entries. */
  async removeEntry(id: MessageId, entry: Entry): Promise<MessageRow> {
    const draft = await this.#draft(entry.mailbox)
    const { row } = this.#messages.get(id)!
    const left = { ...row, entries: row.entries.filter((other) => other !== entry) }
    count(draft, row, entry, -1)
    draft.expunged.push(entry.uid)
    this.#put(id, left)
    this.tx.delete(entryTable, [this.account, entry.mailbox, entry.uid])
    return left
  }

  /** Replaces keywords and entries of a message; the entries given must be the same ones in order. */
  async replace(id: MessageId, keywords: readonly string[], entries: readonly Entry[]): Promise<void> {
    const { row } = this.#messages.get(id)!
    const next = { ...row, keywords, entries }
    for (const [i, entry] of entries.entries()) {
      const before = row.entries[i]!
      if (entry === before) continue
      const draft = await this.#draft(entry.mailbox)
      count(draft, row, before, -1)
      count(draft, next, entry, 1)
    }
    this.#put(id, next)
  }

  /** A new message takes room in the account. Throws Fault('overQuota'). */
  charge(bytes: number, limits: MailLimits): void {
    assertRoom(this.#counters, bytes, limits)
    this.#counters.usedBytes += bytes
    this.#counters.messages++
    this.#countersChanged = true
  }

  /** A message that lost its last entry: its row goes and its room is free. */
  release(id: MessageId): void {
    const { row, before } = this.#messages.get(id)!
    this.#counters.usedBytes -= sizeOf(row)
    this.#counters.messages--
    this.#countersChanged = true
    this.#released.set(id, before)
    this.#messages.delete(id)
    this.tx.delete(messageTable, [this.account, id])
  }

  /** A mailbox that `removeEntry` has emptied is deleted; nothing of it is written any more. */
  async forget(mailbox: MailboxId): Promise<void> {
    this.#forgotten.set(mailbox, (await this.#draft(mailbox)).before)
    this.#mailboxes.delete(mailbox)
  }

  /** What is in the mailbox must be counted accordingly: see `trash-role.ts`. */
  setTrash(mailbox: MailboxId | 0): void {
    this.#counters.trash = mailbox
    this.#countersChanged = true
  }

  async finish(): Promise<void> {
    const { tx, account } = this
    for (const [id, { row, before }] of this.#messages)
      if (row !== before) tx.put(messageTable, [account, id], row)
    await this.#count()
    this.#logShown()
    await this.#logShared()
    for (const [id, { row, before, touched, expunged }] of this.#mailboxes) {
      if (touched) {
        if (expunged.length > 0) tx.expunged(account, id, expunged)
        row.highestModseq = this.modseq
      } else if (row.counts === before.counts) continue
      tx.put(mailboxTable, [account, id], row)
      if (!sameNumbers(row, before)) tx.changed(account, 'Mailbox', id, 'counts')
    }
    if (this.#countersChanged) tx.put(countersTable, [account], this.#counters)
  }

  /** The log tells of Emails as JMAP sees them (RFC 8621 §4.1.1): with nothing but `\Deleted` entries there is none. */
  #logShown(): void {
    for (const { id, before, after } of this.#changedMessages()) {
      if (before === undefined || after === undefined || isShown(before) === isShown(after)) continue
      this.tx.changed(this.account, 'Email', id, isShown(after) ? 'restored' : 'destroyed')
    }
  }

  /** What came into mailboxes that others may see, and what left them, as JMAP sees it. */
  async #logShared(): Promise<void> {
    const shared = [...this.#mailboxes.keys(), ...this.#forgotten.keys()].filter((id) => this.#isShared(id))
    for (const mailbox of shared) {
      const came = new Map<MessageId, ThreadId>()
      const left = new Map<MessageId, ThreadId>()
      for (const { id, before, after } of this.#changedMessages()) {
        const was = before !== undefined && isIn(before, mailbox)
        const is = after !== undefined && isIn(after, mailbox)
        if (was !== is) (is ? came : left).set(id, (after ?? before)!.thread)
      }
      if (came.size + left.size > 0) await logShared(this.tx, this.account, mailbox, { came, left })
    }
  }

  /** What JMAP counts, also in mailboxes that only share a Thread with what changed. */
  async #count(): Promise<void> {
    const { tx, account } = this
    const { tally, threads, moves } = await countChanges(
      tx,
      account,
      this.#changedMessages(),
      this.#counters.trash,
    )
    await this.addCounts(tally)
    for (const [thread, how] of threads) tx.changed(account, 'Thread', thread, how)
    // Whoever sees only some mailboxes sees another Thread then.
    for (const [thread, mailboxes] of moves)
      if (!threads.has(thread) && [...mailboxes].some((id) => this.#isShared(id)))
        tx.changed(account, 'Thread', thread, 'updated')
  }

  #isShared(mailbox: MailboxId): boolean {
    const row = this.#mailboxes.get(mailbox)?.row ?? this.#forgotten.get(mailbox)
    return row !== undefined && wasShared(row)
  }

  /** Differences of what JMAP counts, from somewhere else than this edit's own messages. */
  async addCounts(tally: MailboxTally): Promise<void> {
    for (const mailbox of tally.mailboxes) {
      if (this.#forgotten.has(mailbox)) continue
      const { row } = await this.#draft(mailbox)
      row.counts = addCounts(row.counts, tally.of(mailbox))
    }
  }

  *#changedMessages(): Generator<ChangedMessage, void, void> {
    for (const [id, before] of this.#released) yield { id, before, after: undefined }
    for (const [id, { row, before }] of this.#messages) if (row !== before) yield { id, before, after: row }
  }

  #put(id: MessageId, row: MessageRow): void {
    this.#messages.set(id, { row, before: this.#messages.get(id)?.before })
  }

  async #draft(id: MailboxId): Promise<MailboxDraft> {
    const known = this.#mailboxes.get(id)
    if (known !== undefined) return known
    const row = await this.tx.get(mailboxTable, this.account, id)
    if (row === undefined) throw new Fault('notFound', 'no such mailbox', { what: 'mailbox' })
    const draft: MailboxDraft = { before: row, row: { ...row }, touched: false, expunged: [] }
    this.#mailboxes.set(id, draft)
    return draft
  }
}

const isShown = ({ entries }: MessageRow): boolean => entries.some(({ deleted }) => !deleted)

const isIn = ({ entries }: MessageRow, mailbox: MailboxId): boolean =>
  entries.some((entry) => entry.mailbox === mailbox && !entry.deleted)

/** Counts an entry in (+1) or out of (-1) its mailbox. */
function count(draft: MailboxDraft, row: MessageRow, entry: Entry, by: 1 | -1): void {
  const mailbox = draft.row
  draft.touched = true
  mailbox.messages += by
  mailbox.sizeBytes += by * sizeOf(row)
  if (!isSeen(row.keywords)) mailbox.unseen += by
  if (entry.deleted) mailbox.deleted += by
}

const sameNumbers = (a: MailboxRow, b: MailboxRow): boolean =>
  a.messages === b.messages &&
  a.unseen === b.unseen &&
  a.deleted === b.deleted &&
  a.sizeBytes === b.sizeBytes &&
  sameCounts(a.counts, b.counts)
