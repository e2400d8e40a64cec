/**
 * The check of messages: each row against everything that must agree with it, and against its bytes. One pass
 * in the order of ids, in which a message and its structure are neighbours; a page at a time is in memory.
 */
import { equalBytes } from '#base/bytes.ts'
import { isFault } from '#base/fault.ts'
import type { BlobHash, MessageId } from '#base/id.ts'
import { linkAgain } from '#blob/check.ts'
import type { KvRow } from '#kv/backend.ts'
import { type BlobLocation, blobLinkTable, blobTable, ownerKinds } from '#kv/blob-rows.ts'
import { anyRowTable, getRows, openRow, rowPages, type Trouble } from '#kv/check.ts'
import { cutLog, kinds as logKinds, namedInLog } from '#kv/check-log.ts'
import { highestSequence } from '#kv/raise-sequence.ts'
import type { ReadTx, WriteTx } from '#kv/tx.ts'
import { addedFieldsIn, withAddedFields } from '#message/added-fields.ts'
import { expungeMessage, giveNewUid, putIntoInbox, rewriteMessage } from './fixes.ts'
import { kinds } from './kinds.ts'
import { remakeMailbox, unknownRow } from './mailboxes.ts'
import { blobIn, countEntry, isU32, isU48, type MailScan, nameOfMessage } from './scan.ts'
import { countThread } from './threads.ts'
import { matchesStored, type ReadBytes, readBytes, storedStructure } from './structure.ts'
import { normalizeKeywords, sameKeywords } from '../keywords.ts'
import { type Entry, type MessageRow, sizeOf } from '../message-row.ts'
import {
  entryTable,
  messageTable,
  structureTable,
  type ThreadRow,
  threadKeyTable,
  threadTable,
} from '../tables.ts'
import { keyNames, threadKeys } from '../thread.ts'

/** Rows, and with them structures, that are in memory at a time. */
const pageRows = 128

interface Group {
  readonly id: MessageId
  readonly keys: Uint8Array[]
  row: MessageRow | 'damaged' | undefined
  structure: Uint8Array | undefined
  /** Of a row that cannot be read. */
  bytes: Uint8Array | undefined
}

interface Message {
  readonly id: MessageId
  readonly row: MessageRow
  readonly name: string
  readonly structure: Uint8Array | undefined
}

/** What the store says of a message besides its row. */
interface Around {
  readonly entries: readonly (MessageId | 'damaged' | undefined)[]
  readonly named: readonly boolean[]
  readonly location: BlobLocation | 'damaged' | undefined
  readonly isLinked: boolean
  readonly thread: ThreadRow | 'damaged' | undefined
  readonly keysLead: boolean
}

export async function* checkMessages(scan: MailScan): AsyncGenerator<Trouble> {
  let open: Group | undefined
  for await (const page of rowPages(scan.db, messageTable.prefix(scan.account), pageRows)) {
    for (const row of page) {
      const part = readPart(row)
      if (part === undefined) {
        yield unknownRow(row[0])
        continue
      }
      if (open !== undefined && open.id !== part.id) {
        yield* checkGroup(scan, open)
        open = undefined
      }
      open ??= { id: part.id, keys: [], row: undefined, structure: undefined, bytes: undefined }
      open.keys.push(row[0])
      if ('structure' in part) open.structure = part.structure
      else open.row = part.row
      if ('row' in part && part.row === 'damaged') open.bytes = row[1]
    }
  }
  if (open !== undefined) yield* checkGroup(scan, open)
}

function readPart(
  row: KvRow,
): { id: MessageId; row: MessageRow | 'damaged' } | { id: MessageId; structure: Uint8Array } | undefined {
  const message = openRow(messageTable, row)
  if (message !== undefined) return { id: message.elements[1], row: message.value ?? 'damaged' }
  const structure = openRow(structureTable, row)
  return structure === undefined ? undefined : { id: structure.elements[1], structure: structure.value! }
}

async function* checkGroup(scan: MailScan, group: Group): AsyncGenerator<Trouble> {
  const { account, total } = scan
  const { id, row, structure, keys } = group
  total.highestId = Math.max(total.highestId, id)
  if (row === 'damaged') {
    await keepBlobOf(scan, id, group.bytes!)
    const what = `message ${id}`
    if (scan.unowned.has(id)) {
      scan.lost.set(id, [])
      yield { kind: kinds.messageUnreadable, what }
    } else yield { kind: kinds.messageUnreadable, what, fix: (tx) => tx.delete(anyRowTable, [keys[0]!]) }
  } else if (row === undefined) {
    // Made again when its entries are known.
    if (scan.unowned.has(id)) scan.lost.set(id, [])
    else {
      const fix = (tx: WriteTx): void => tx.delete(structureTable, [account, id])
      yield { kind: kinds.structureOrphan, what: `message ${id}`, fix }
    }
  } else {
    total.messages++
    total.usedBytes += sizeOf(row)
    if (total.messages % 1000 === 0) scan.progress(total.messages)
    yield* checkMessage(scan, { id, row, structure, name: nameOfMessage(id, row) })
  }
}

/** A row that cannot be read may still say where the bytes are, which then are not given up. */
async function keepBlobOf({ db, unowned }: MailScan, id: MessageId, bytes: Uint8Array): Promise<void> {
  const hash = blobIn(bytes)
  if (hash === undefined || unowned.has(id)) return
  const [location] = await db.read((tx) => getRows(tx, blobTable, [[hash]]))
  if (location !== undefined && location !== 'damaged') unowned.set(id, hash)
}

async function* checkMessage(scan: MailScan, message: Message): AsyncGenerator<Trouble> {
  const { id, row } = message
  const around = await scan.db.read((tx) => lookAround(tx, scan, message))
  yield* checkEntries(scan, message, around)
  yield* checkKeywords(scan, message)
  yield* checkLocation(scan, message, around)
  yield* checkBytes(scan, message, around)
  checkThread(scan, message, around)
  await countThread(scan, id, row, around.thread)
}

async function lookAround(tx: ReadTx, { account }: MailScan, { id, row }: Message): Promise<Around> {
  const places = row.entries.filter(isPlace)
  const [location] = await getRows(tx, blobTable, [[row.blob]])
  const [link] = await getRows(tx, blobLinkTable, [[row.blob, account, ownerKinds.message, id]])
  const [thread] = isU48(row.thread) ? await getRows(tx, threadTable, [[account, row.thread]]) : []
  const isAlone = thread === undefined && (row.thread as number) === id
  const keys = isAlone ? keyNames(row.threadKeys).map((name) => [account, name] as const) : []
  return {
    entries: await getRows(
      tx,
      entryTable,
      places.map(({ mailbox, uid }) => [account, mailbox, uid] as const),
    ),
    named: await namedInLog(
      tx,
      account,
      'Email',
      places.map(({ modseq }) => [id, isModseq(modseq) ? modseq : (0 as typeof modseq)] as const),
    ),
    location,
    isLinked: link !== undefined,
    thread,
    keysLead: (await getRows(tx, threadKeyTable, keys)).every((to) => to === row.thread),
  }
}

const isPlace = ({ mailbox, uid }: Entry): boolean => isU32(mailbox) && isU32(uid)
const isModseq = (modseq: number): boolean => modseq >= 1 && modseq < highestSequence

async function* checkEntries(scan: MailScan, message: Message, around: Around): AsyncGenerator<Trouble> {
  const { account, now } = scan
  const { id, row } = message
  if (row.entries.length === 0) {
    const fix = (tx: WriteTx): Promise<void> => putIntoInbox(tx, account, id, now)
    yield { kind: kinds.messageNowhere, what: message.name, fix }
  }
  let place = 0
  for (const [i, entry] of row.entries.entries()) {
    if (!isPlace(entry)) {
      yield wrongPlace(scan, message, i)
      continue
    }
    countEntry(scan, row, entry)
    yield* checkEntry(scan, message, i, around.entries[place])
    yield* checkModseq(scan, message, entry, around.named[place]!)
    place++
  }
}

/** An entry with an impossible mailbox goes, one with an impossible UID gets another. */
function wrongPlace({ account }: MailScan, { id, row, name }: Message, index: number): Trouble {
  const { mailbox, uid } = row.entries[index]!
  const without = (one: MessageRow): Partial<MessageRow> => ({
    entries: one.entries.filter((entry) => isU32(entry.mailbox)),
  })
  const fix = isU32(mailbox)
    ? (tx: WriteTx): Promise<void> => giveNewUid(tx, account, id, index)
    : (tx: WriteTx): Promise<void> => rewriteMessage(tx, account, id, without)
  return { kind: kinds.uidTwice, what: `${name}: UID ${uid} in mailbox ${mailbox}`, fix }
}

function* checkEntry(
  { account, mailboxes }: MailScan,
  { id, row, name }: Message,
  index: number,
  listed: MessageId | 'damaged' | undefined,
): Generator<Trouble> {
  const { mailbox, uid } = row.entries[index]!
  if (!mailboxes.has(mailbox)) {
    const fix = (tx: WriteTx): Promise<void> => remakeMailbox(tx, account, mailbox)
    yield { kind: kinds.mailboxMissing, what: `${name}: mailbox ${mailbox}`, fix }
  }
  const first = row.entries.findIndex((other) => other.mailbox === mailbox && other.uid === uid)
  if (first < index || (listed !== undefined && listed !== 'damaged' && listed !== id)) {
    const fix = (tx: WriteTx): Promise<void> => giveNewUid(tx, account, id, index)
    yield { kind: kinds.uidTwice, what: `${name}: UID ${uid} in mailbox ${mailbox}`, fix }
  } else if (listed !== id) {
    const fix = async (tx: WriteTx): Promise<void> => {
      // Another message may have got it in this repair: then the UID is there twice, which is seen again.
      const [now] = await getRows(tx, entryTable, [[account, mailbox, uid]])
      if (now !== undefined && now !== 'damaged') return
      tx.put(entryTable, [account, mailbox, uid], id)
      await rewriteMessage(tx, account, id, () => ({}))
    }
    yield { kind: kinds.entryMissing, what: `${name}: UID ${uid} in mailbox ${mailbox}`, fix }
  }
}

function* checkModseq(
  { account, log }: MailScan,
  { id, name }: Message,
  { modseq, mailbox }: Entry,
  isNamed: boolean,
): Generator<Trouble> {
  const what = `${name}: modseq ${modseq} in mailbox ${mailbox}`
  if (!isModseq(modseq)) {
    const fix = (tx: WriteTx): Promise<void> => rewriteMessage(tx, account, id, () => ({}))
    yield { kind: kinds.modseqWrong, what, fix }
  } else if (modseq > log.sequence) {
    yield {
      kind: logKinds.sequenceTooLow,
      what: `${what}, the last change is ${log.sequence}`,
      sequence: modseq,
    }
  } else if (modseq > log.floor && !isNamed) {
    yield { kind: logKinds.logEntryMissing, what, fix: (tx) => cutLog(tx, account) }
  }
}

function* checkKeywords({ account }: MailScan, { id, row, name }: Message): Generator<Trouble> {
  const right = possibleKeywords(row.keywords)
  if (sameKeywords(right, row.keywords)) return
  const fix = (tx: WriteTx): Promise<void> =>
    rewriteMessage(tx, account, id, ({ keywords }) => ({ keywords: possibleKeywords(keywords) }))
  yield { kind: kinds.keywordsWrong, what: name, fix }
}

function possibleKeywords(keywords: readonly string[]): readonly string[] {
  const possible = keywords.filter((keyword) => {
    try {
      return normalizeKeywords([keyword]).length === 1
    } catch (error) {
      if (isFault(error)) return false
      throw error
    }
  })
  return normalizeKeywords(new Set(possible))
}

function* checkLocation(scan: MailScan, { id, row, name }: Message, around: Around): Generator<Trouble> {
  const { account, unowned, missingBlobs } = scan
  const { location, isLinked } = around
  if (location === undefined) {
    const other = unowned.get(id)
    missingBlobs.add(row.blob)
    // A link in this message's name to other bytes: then the row has the wrong ones.
    const fix =
      other === undefined || isLinked
        ? undefined
        : (tx: WriteTx): Promise<void> => useBlob(tx, scan, id, other)
    yield { kind: kinds.bytesGone, what: `${name}: blob ${row.blob}`, ...(fix === undefined ? {} : { fix }) }
  } else if (location !== 'damaged' && location.sizeBytes !== row.blobBytes) {
    const { sizeBytes } = location
    yield {
      kind: kinds.sizeWrong,
      what: `${name}: ${row.blobBytes} bytes, stored ${sizeBytes}`,
      fix: (tx) => rewriteMessage(tx, account, id, () => ({ blobBytes: sizeBytes })),
    }
  }
  if (!isLinked) {
    const fix = (tx: WriteTx): Promise<void> =>
      linkAgain(tx, row.blob, { account, kind: ownerKinds.message, id })
    yield { kind: kinds.linkMissing, what: `${name}: blob ${row.blob}`, fix }
  }
}

async function useBlob(tx: WriteTx, { account }: MailScan, id: MessageId, blob: BlobHash): Promise<void> {
  const location = await tx.get(blobTable, blob)
  if (location === undefined) return
  await rewriteMessage(tx, account, id, () => ({ blob, blobBytes: location.sizeBytes }))
}

async function* checkBytes(scan: MailScan, message: Message, around: Around): AsyncGenerator<Trouble> {
  const { account, isQuick } = scan
  const { id, row, structure, name } = message
  if (isQuick && structure !== undefined && matchesStored(structure, row)) return
  // Told of where blobs are checked; until that is repaired nobody can read them.
  if (around.location === 'damaged') return
  const bytes = await readBytes(scan.blobs, row.blob)
  if (bytes.state === 'damaged') yield { kind: kinds.bytesDamaged, what: `${name}: blob ${row.blob}` }
  if (bytes.state === 'gone') {
    if (around.location !== undefined || structure !== undefined) return
    const fix = (tx: WriteTx): Promise<void> => expungeMessage(tx, account, id)
    yield { kind: kinds.messageLost, what: name, fix }
    return
  }
  yield* checkStructure(scan, message, bytes)
}

async function* checkStructure(
  { account }: MailScan,
  { id, row, structure, name }: Message,
  bytes: ReadBytes & { readonly state: 'whole' | 'damaged' },
): AsyncGenerator<Trouble> {
  const whole = withAddedFields(addedFieldsIn(row.prefix), bytes.structure)
  const fresh = storedStructure(whole, row.prefix.length)
  const fix = async (tx: WriteTx): Promise<void> => {
    tx.put(structureTable, [account, id], fresh)
    await rewriteMessage(tx, account, id, () => ({}))
  }
  if (structure === undefined) yield { kind: kinds.structureMissing, what: name, fix }
  // Of damaged bytes nothing better can be computed than what is there.
  if (bytes.state === 'damaged') return
  if (structure !== undefined && !equalBytes(structure, fresh))
    yield { kind: kinds.structureWrong, what: name, fix }
  const keys = threadKeys(whole)
  if (equalBytes(keys, row.threadKeys)) return
  yield {
    kind: kinds.threadKeysWrong,
    what: name,
    fix: (tx) => rewriteMessage(tx, account, id, () => ({ threadKeys: keys })),
  }
}

/** A message is in the thread that its row names; one that is alone in its own needs no row for that. */
function checkThread({ badThreads }: MailScan, { id, row, name }: Message, around: Around): void {
  const { thread, keysLead } = around
  const isAlone = (row.thread as number) === id
  if (thread === 'damaged') badThreads.set(row.thread, 'its row cannot be read')
  else if (thread === undefined && !isAlone) badThreads.set(row.thread, `it has no row, and ${name} is in it`)
  else if (thread !== undefined && !thread.messages.includes(id))
    badThreads.set(row.thread, `${name} is not listed`)
  else if (!keysLead) badThreads.set(row.thread, `what answers to ${name} does not lead to it`)
}
