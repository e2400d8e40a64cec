/**
 * What the parts of the check of one account's mail share: where to read, what is known so far, and a recount
 * of everything that is counted. Holds one number or so for each mailbox, never a row for each message.
 */
import type { BlobStore } from '#blob/store.ts'
import type { AccountId, BlobHash, MailboxId, MessageId, ThreadId, Uid } from '#base/id.ts'
import type { LogFacts } from '#kv/check-log.ts'
import type { Db } from '#kv/db.ts'
import { isSeen } from '../keywords.ts'
import type { MailboxTally } from '../mailbox-counts.ts'
import type { MailboxRow } from '../mailbox-row.ts'
import { type Entry, type MessageRow, sizeOf } from '../message-row.ts'

export interface Recount {
  messages: number
  unseen: number
  deleted: number
  sizeBytes: number
  highestUid: number
  highestModseq: number
}

export interface MailScan {
  readonly db: Db
  readonly blobs: BlobStore
  readonly account: AccountId
  /** Nothing that needs the bytes of messages. */
  readonly isQuick: boolean
  /** Milliseconds. */
  readonly now: number
  readonly log: LogFacts
  /** Links in the name of messages that have no row, or other bytes. */
  readonly unowned: Map<number, BlobHash>
  /** Those that can be read. */
  readonly mailboxes: Map<MailboxId, MailboxRow>
  readonly recounts: Map<MailboxId, Recount>
  /** What JMAP counts. */
  tally: MailboxTally
  readonly total: { messages: number; usedBytes: number; highestId: number }
  /** Blobs of messages that nothing says the place of. */
  readonly missingBlobs: Set<BlobHash>
  /** Traces of messages without a row whose bytes are there: the entries they had. */
  readonly lost: Map<MessageId, (readonly [MailboxId, Uid])[]>
  /** Threads that are to be made again, and why. */
  readonly badThreads: Map<ThreadId, string>
  /** Whether there is an account with this id. */
  readonly isAccount: (id: AccountId) => Promise<boolean>
  readonly progress: (messages: number) => void
}

export function recountOf(scan: MailScan, mailbox: MailboxId): Recount {
  let recount = scan.recounts.get(mailbox)
  if (recount === undefined) {
    recount = { messages: 0, unseen: 0, deleted: 0, sizeBytes: 0, highestUid: 0, highestModseq: 0 }
    scan.recounts.set(mailbox, recount)
  }
  return recount
}

/** The mailbox that is the trash, 0 for none. */
export function trashIn(mailboxes: ReadonlyMap<MailboxId, MailboxRow>): MailboxId | 0 {
  for (const [id, { role }] of mailboxes) if (role === 'trash') return id
  return 0
}

export function countEntry(scan: MailScan, row: MessageRow, entry: Entry): void {
  const recount = recountOf(scan, entry.mailbox)
  recount.messages++
  recount.sizeBytes += sizeOf(row)
  if (!isSeen(row.keywords)) recount.unseen++
  if (entry.deleted) recount.deleted++
  recount.highestUid = Math.max(recount.highestUid, entry.uid)
  recount.highestModseq = Math.max(recount.highestModseq, entry.modseq)
}

/** The blob in a message row of which nothing else may be readable: `messageRowCodec` has it second. */
export const blobIn = (row: Uint8Array): BlobHash | undefined =>
  row.length < 33 ? undefined : (Buffer.from(row.subarray(1, 33)).toString('hex') as BlobHash)

const maxU32 = 0xffff_ffff
const maxU48 = 2 ** 48 - 1

/** UIDs and ids of mailboxes: what a key can hold. */
export const isU32 = (value: number): boolean => value >= 1 && value <= maxU32
/** Ids of messages and threads. */
export const isU48 = (value: number): boolean => value >= 1 && value <= maxU48

export const nameOfMessage = (id: MessageId, { entries }: Pick<MessageRow, 'entries'>): string => {
  const [first] = entries
  return first === undefined ? `message ${id}` : `message ${id} (mailbox ${first.mailbox}, UID ${first.uid})`
}
