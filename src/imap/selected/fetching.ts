/**
 * The work of FETCH: what columns can answer is written at once; structures and bytes are read for 64 messages at a
 * time, and nothing is written while a snapshot is open, so that a slow client holds up nobody.
 */
import { Fault } from '#base/fault.ts'
import type { MessageId, Modseq, Uid } from '#base/id.ts'
import type { Maybe } from '#base/maybe.ts'
import { storeFlags } from '#mail/flags.ts'
import type { MailboxView } from '#mail/mailbox-view.ts'
import type { MessageRow } from '#mail/message-row.ts'
import { flagRights } from '#mail/rights.ts'
import { messageTable, structureTable } from '#mail/tables.ts'
import { StoredStructure } from '#message/structure-codec.ts'
import type { Completion } from '../session/command.ts'
import { condstoreItems, onlyFlags, writeVanished } from '../fetch/changes-response.ts'
import type { BytesItem, ColumnItem, FetchItem } from '../fetch/fetch-items.ts'
import type { FetchModifiers } from '../fetch/fetch-modifiers.ts'
import {
  beginFetch,
  endFetch,
  isBytesItem,
  writeBytes,
  writeColumn,
  writeStructure,
} from '../fetch/fetch-response.ts'
import { type HeldMailbox, placeOf } from '../namespace/mailbox-ref.ts'
import { completeLimited, limitPositions } from '../session/message-limit.ts'
import {
  type MessageSource,
  needsStructure,
  sectionBytes,
  type SectionBytes,
} from '../fetch/section-bytes.ts'
import {
  eachPosition,
  eachPositionDown,
  pairUp,
  type Positions,
  type SequenceSet,
} from '../wire/sequence-set.ts'
import type { ImapSession } from '../session/session.ts'
import { everGiven, vanishedSince } from '../fetch/vanished.ts'
import type { SessionView } from '../session/view.ts'

/** Messages whose rows are read in one snapshot. */
const batchSize = 64
/** Messages whose flags are set in one commit. */
const pageSize = 1000

/** These items, and those given that are not among them. */
export const withFirst = (
  first: readonly (ColumnItem | false)[],
  items: readonly FetchItem[],
): readonly FetchItem[] => [
  ...first.filter((name) => name !== false).map((name) => ({ kind: 'column', name }) as const),
  ...items.filter((item) => item.kind !== 'column' || !first.includes(item.name)),
]

export const hasColumn = (items: readonly FetchItem[], name: ColumnItem): boolean =>
  items.some((item) => item.kind === 'column' && item.name === name)

export interface FetchOptions extends FetchModifiers {
  readonly set: SequenceSet
  readonly byUid: boolean
}

/** A message to be written: its place in the client's view and in the columns. */
interface Wanted {
  readonly position: number
  readonly index: number
}

export class Fetching {
  readonly #session: ImapSession
  readonly #items: readonly FetchItem[]
  readonly #bytesItems: readonly BytesItem[]
  readonly #view: SessionView
  readonly #tellsFlags: boolean
  readonly #tellsModseq: boolean
  readonly #readsRows: boolean
  readonly #readsStructures: boolean
  readonly #isOfColumns: boolean
  /** UIDs that this command has marked \Seen. */
  readonly #marked = new Set<number>()
  #missed = false
  #order = eachPosition

  constructor(session: ImapSession, items: readonly FetchItem[]) {
    this.#session = session
    this.#items = items
    this.#bytesItems = items.filter(isBytesItem)
    this.#view = session.selectedView
    this.#tellsFlags = hasColumn(items, 'FLAGS')
    this.#tellsModseq = hasColumn(items, 'MODSEQ')
    this.#readsRows = this.#bytesItems.length > 0
    this.#readsStructures = items.some((item) =>
      isBytesItem(item) ? needsStructure(item) : item.kind !== 'column',
    )
    this.#isOfColumns = items.every((item) => item.kind === 'column')
  }

  async run(wanted: Positions, o: FetchOptions): Promise<Completion> {
    let { now, held } = await this.#session.selectedNow('r')
    const { changedSince } = o
    const asked = changedSince === undefined ? wanted : this.#changed(wanted, now, changedSince)
    const limited = limitPositions(this.#session, asked)
    const positions = limited.messages
    // RFC 9738 §3.1: from the highest UID to the lowest.
    if (limited.limit !== undefined) this.#order = eachPositionDown
    if (o.vanished) await this.#tellVanished(o, now, held)
    const marks = this.#items.some((item) => isBytesItem(item) && item.marksSeen) && !this.#view.isReadOnly
    // RFC 4314 §4: who has no right to set \Seen reads without it.
    if (marks && flagRights(held.rights).seen && (await this.#markSeen(positions, now, held))) {
      ;({ now, held } = await this.#session.selectedNow('r'))
    }
    if (this.#isOfColumns) await this.#fromColumns(positions, now)
    else await this.#fromRows(positions, now)
    // RFC 2180 §4.1.3; a UID that nothing has is no error.
    const isIncomplete = this.#missed && !o.byUid
    const gone = { status: 'NO', code: 'EXPUNGEISSUED', text: 'Some of the messages are gone' } as const
    return completeLimited(this.#session, limited, isIncomplete ? gone : {})
  }

  /** Those with a higher MODSEQ, and those that are gone. */
  #changed(positions: Positions, now: MailboxView, since: Modseq): Positions {
    const locate = this.#view.locator(now)
    const changed: number[] = []
    for (const position of eachPosition(positions)) {
      const index = locate(position)
      if (index === -1 || now.modseqs.at(index) > since) changed.push(position)
    }
    return pairUp(changed)
  }

  /** RFC 7162 §3.2.6: before all FETCH responses. */
  async #tellVanished(o: FetchOptions, now: MailboxView, held: HeldMailbox): Promise<void> {
    const { services, out } = this.#session
    const gone = await vanishedSince(services.db, placeOf(held), {
      asked: everGiven(o.set.ranges, now),
      since: o.changedSince!,
      now,
      counted: this.#view,
    })
    writeVanished(out, gone, '(EARLIER) ')
  }

  async #fromColumns(positions: Positions, now: MailboxView): Promise<void> {
    const { out, isUidOnly } = this.#session
    const locate = this.#view.locator(now)
    const step = this.#order === eachPosition ? 1 : -1
    for (let n = 0; n < positions.length; n += 2) {
      const i = step === 1 ? n : positions.length - 2 - n
      const last = positions[step === 1 ? i + 1 : i]!
      for (let position = positions[step === 1 ? i : i + 1]!; position !== last + step; position += step) {
        const index = locate(position)
        if (index === -1) {
          this.#missed = true
          continue
        }
        beginFetch(out, position + 1, isUidOnly ? now.uids.at(index) : undefined)
        let isFirst = true
        for (const item of this.#items) {
          if (!isFirst) out.sp()
          isFirst = false
          if (item.kind === 'column') writeColumn(out, item.name, now, index, this.#view.idPrefix)
        }
        endFetch(out)
        if (this.#tellsFlags) this.#view.tell(position, now, index, this.#tellsModseq)
        const full = out.room()
        if (full !== undefined) await full
      }
    }
  }

  async #fromRows(positions: Positions, now: MailboxView): Promise<void> {
    const locate = this.#view.locator(now)
    let batch: Wanted[] = []
    for (const position of this.#order(positions)) {
      const index = locate(position)
      if (index === -1) this.#missed = true
      else batch.push({ position, index })
      if (batch.length < batchSize) continue
      await this.#writeBatch(batch, now)
      batch = []
    }
    if (batch.length > 0) await this.#writeBatch(batch, now)
  }

  async #writeBatch(batch: readonly Wanted[], now: MailboxView): Promise<void> {
    const { account } = this.#view
    const keys = batch.map(({ index }) => [account, now.ids.at(index) as MessageId] as const)
    const { structures, rows } = await this.#session.services.db.read(async (tx) => ({
      structures: this.#readsStructures ? await tx.getMany(structureTable, keys) : undefined,
      rows: this.#readsRows ? await tx.getMany(messageTable, keys) : undefined,
    }))
    for (const [i, wanted] of batch.entries()) {
      const stored = structures?.[i]
      const row = rows?.[i]
      if ((this.#readsStructures && stored === undefined) || (this.#readsRows && row === undefined)) {
        this.#missed = true
        continue
      }
      const structure = stored && new StoredStructure(stored)
      const reading = row === undefined ? undefined : this.#readBytes(structure, row)
      const bytes = reading instanceof Promise ? await reading : reading
      const writing = this.#writeMessage(wanted, now, structure, bytes)
      if (writing !== undefined) await writing
      const full = this.#session.out.room()
      if (full !== undefined) await full
    }
  }

  /** What is small is read before the response begins, so that trouble with it leaves no half of one. */
  #readBytes(structure: StoredStructure | undefined, row: MessageRow): Maybe<readonly SectionBytes[]> {
    const source = { blobs: this.#session.services.blobs, row, structure }
    const bytes: SectionBytes[] = []
    for (const item of this.#bytesItems) {
      const one = sectionBytes(source, item)
      if (one instanceof Promise) return this.#awaitBytes(source, bytes, one)
      bytes.push(one)
    }
    return bytes
  }

  /** The same from the first that is not at hand. */
  async #awaitBytes(
    source: MessageSource,
    bytes: SectionBytes[],
    first: Promise<SectionBytes>,
  ): Promise<readonly SectionBytes[]> {
    bytes.push(await first)
    while (bytes.length < this.#bytesItems.length)
      bytes.push(await sectionBytes(source, this.#bytesItems[bytes.length]!))
    return bytes
  }

  #writeMessage(
    wanted: Wanted,
    now: MailboxView,
    structure: StoredStructure | undefined,
    bytes: readonly SectionBytes[] | undefined,
  ): Promise<void> | undefined {
    const { out, isUidOnly } = this.#session
    beginFetch(out, wanted.position + 1, isUidOnly ? now.uids.at(wanted.index) : undefined)
    return this.#writeItems(wanted, now, structure, bytes ?? [], 0, 0)
  }

  /** The items from `at` on, and of the bytes those from `next` on. */
  #writeItems(
    wanted: Wanted,
    now: MailboxView,
    structure: StoredStructure | undefined,
    bytes: readonly SectionBytes[],
    at: number,
    next: number,
  ): Promise<void> | undefined {
    const { out, isUtf8 } = this.#session
    for (; at < this.#items.length; at++) {
      const item = this.#items[at]!
      if (at > 0) out.sp()
      if (item.kind === 'column') writeColumn(out, item.name, now, wanted.index, this.#view.idPrefix)
      else if (item.kind === 'structure') writeStructure(out, item.name, structure!, isUtf8)
      else {
        const writing = writeBytes(out, item, bytes[next++])
        if (writing !== undefined)
          return writing.then(() => this.#writeItems(wanted, now, structure, bytes, at + 1, next))
      }
    }
    this.#finish(wanted, now)
    return undefined
  }

  /** RFC 9051 §6.4.5, RFC 7162 §3.2.4: flags that the command itself changed are part of its responses. */
  #finish({ position, index }: Wanted, now: MailboxView): void {
    const { out, isCondstore, isUidOnly } = this.#session
    const isMarked = this.#marked.has(now.uids.at(index))
    if (isMarked) {
      for (const name of isCondstore ? condstoreItems : onlyFlags) {
        if (hasColumn(this.#items, name) || (isUidOnly && name === 'UID')) continue
        out.sp()
        writeColumn(out, name, now, index, '')
      }
    }
    if (isMarked || this.#tellsFlags)
      this.#view.tell(position, now, index, this.#tellsModseq || (isMarked && isCondstore))
    endFetch(out)
  }

  /** Sets \Seen where it is missing; true where that changed anything. */
  async #markSeen(positions: Positions, now: MailboxView, held: HeldMailbox): Promise<boolean> {
    const { mailboxes } = this.#session
    const { account, mailbox } = placeOf(held)
    const locate = this.#view.locator(now)
    const uids: Uid[] = []
    for (const position of eachPosition(positions)) {
      const index = locate(position)
      if (index !== -1 && !now.flagsAt(index).seen) uids.push(now.uids.at(index) as Uid)
    }
    try {
      for (let at = 0; at < uids.length; at += pageSize) {
        const page = uids.slice(at, at + pageSize)
        const change = { how: 'add', keywords: ['$seen'] } as const
        const stored = await mailboxes.write([held], (tx, [rights]) =>
          storeFlags(tx, account, mailbox, page, { ...change, may: flagRights(rights!) }),
        )
        for (const uid of stored.changed) this.#marked.add(uid)
      }
    } catch (error) {
      // A full disk, or a message with as many keywords as it can have, is no reason not to show mail.
      if (!(error instanceof Fault)) throw error
    }
    return this.#marked.size > 0
  }
}
