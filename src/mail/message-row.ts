/**
 * The row of a stored message: everything about it that can change, and where its bytes are.
 *
 * The bytes are `prefix` followed by the blob and never change. A message has one entry for every place where
 * it is seen, also two in one mailbox (IMAP COPY keeps the message, RFC 8474 §5.1). Keywords are shared by all
 * entries; UID, MODSEQ, SAVEDATE and `\Deleted` belong to the entry. A row without entries does not exist.
 */
import { asBuffer } from '#base/bytes.ts'
import { SyntaxFault } from '#base/fault.ts'
import type { BlobHash, MailboxId, Modseq, ThreadId, Uid } from '#base/id.ts'
import { PackReader, PackWriter } from '#base/pack.ts'
import type { Codec } from '#kv/table.ts'
import { codedKeywords } from './keywords.ts'

export interface Entry {
  readonly mailbox: MailboxId
  readonly uid: Uid
  /** The last commit that changed what IMAP shows of this entry. */
  readonly modseq: Modseq
  /** When it came into the mailbox (RFC 8514). Milliseconds since 1970. */
  readonly savedAt: number
  /** IMAP `\Deleted`: for JMAP the message is then not in the mailbox (RFC 8621 §4.1.1). */
  readonly deleted: boolean
}

export interface MessageRow {
  readonly prefix: Uint8Array
  readonly blob: BlobHash
  readonly blobBytes: number
  /** IMAP INTERNALDATE. Milliseconds since 1970, negative before. */
  readonly receivedAt: number
  readonly thread: ThreadId
  /** What `thread.ts` finds related messages by: eight bytes each. */
  readonly threadKeys: Uint8Array
  /** As `normalizeKeywords` returns them. */
  readonly keywords: readonly string[]
  readonly entries: readonly Entry[]
}

export const sizeOf = (row: Pick<MessageRow, 'prefix' | 'blobBytes'>): number =>
  row.prefix.length + row.blobBytes

const format = 1
const blobHashBytes = 32

export const messageRowCodec: Codec<MessageRow> = {
  encode(row) {
    const out = new PackWriter(96 + row.prefix.length + 24 * row.entries.length)
    out.u8(format).raw(Buffer.from(row.blob, 'hex')).uint(row.blobBytes).int(row.receivedAt).uint(row.thread)
    out.bytes(row.threadKeys)
    out.uint(row.keywords.length)
    for (const keyword of row.keywords) {
      const code = codedKeywords.indexOf(keyword) + 1
      out.u8(code)
      if (code === 0) out.text(keyword)
    }
    out.uint(row.entries.length)
    for (const { mailbox, uid, modseq, savedAt, deleted } of row.entries) {
      out
        .uint(mailbox * 2 + (deleted ? 1 : 0))
        .uint(uid)
        .uint(modseq)
        .int(savedAt)
    }
    return out.bytes(row.prefix).done()
  },
  decode(bytes) {
    const from = begin(bytes)
    const hash = from.raw(blobHashBytes)
    const blobBytes = from.uint()
    const receivedAt = from.int()
    const thread = from.uint() as ThreadId
    const threadKeys = from.bytes()
    const keywords = readKeywords(from)
    const entries = readEntries(from)
    const blob = asBuffer(hash).toString('hex') as BlobHash
    return { prefix: from.bytes(), blob, blobBytes, receivedAt, thread, threadKeys, keywords, entries }
  },
}

/** What lists of mailboxes show of a message. */
export interface MessageSummary extends Pick<MessageRow, 'receivedAt' | 'thread' | 'keywords' | 'entries'> {
  readonly sizeBytes: number
}

/** Of a row as it is stored, in less time than reading all of it takes. */
export function summaryOf(bytes: Uint8Array): MessageSummary {
  const from = begin(bytes)
  from.skip(blobHashBytes)
  const blobBytes = from.uint()
  const receivedAt = from.int()
  const thread = from.uint() as ThreadId
  from.skip(from.uint())
  const keywords = readKeywords(from)
  const entries = readEntries(from)
  return { sizeBytes: from.uint() + blobBytes, receivedAt, thread, keywords, entries }
}

function begin(bytes: Uint8Array): PackReader {
  const from = new PackReader(bytes)
  if (from.u8() !== format) throw new SyntaxFault('unknown form of a message row', 0)
  return from
}

function readKeywords(from: PackReader): string[] {
  const keywords: string[] = []
  for (let left = from.uint(); left > 0; left--) {
    const code = from.u8()
    const keyword = code === 0 ? from.text() : codedKeywords[code - 1]
    if (keyword === undefined) throw new SyntaxFault('unknown keyword code', from.at)
    keywords.push(keyword)
  }
  return keywords
}

function readEntries(from: PackReader): Entry[] {
  const entries: Entry[] = []
  for (let left = from.uint(); left > 0; left--) {
    const place = from.uint()
    entries.push({
      mailbox: Math.floor(place / 2) as MailboxId,
      deleted: place % 2 === 1,
      uid: from.uint() as Uid,
      modseq: from.uint() as Modseq,
      savedAt: from.int(),
    })
  }
  return entries
}
