/**
 * Threads: which messages belong together, found at ingest and never changed afterwards.
 *
 * As RFC 8621 §3 suggests, two messages belong together where an identical identifier appears in Message-ID,
 * In-Reply-To or References of both, and their base subjects (RFC 5256 §2.1) are the same but for white space
 * and case. Each identifier is hashed together with the subject into a key; a message joins the thread that
 * one of its keys leads to, whichever of the messages came first. Threads never merge: a message that links
 * two joins the older. A thread has the id of the message that began it, and lives on when that is gone. What of
 * a thread JMAP sees, and when that changed, is the matter of `edit.ts`.
 */
import { hash } from 'node:crypto'
import { asBuffer } from '#base/bytes.ts'
import type { AccountId, MessageId, ThreadId } from '#base/id.ts'
import type { ReadTx, WriteTx } from '#kv/tx.ts'
import type { MessageStructure } from '#message/structure.ts'
import type { MessageRow } from './message-row.ts'
import { messageTable, type ThreadRow, threadKeyTable, threadTable } from './tables.ts'

const keyBytes = 8
/** Of one message: what it is called, what it answers, and the ends of its References. */
const maxKeys = 32
/** A thread with more begins another one, so that no row grows without end. */
const maxThreadMessages = 500
const maxThreadKeys = 2000
/** Of all messages, those that are looked at together. */
const pageMessages = 500

/** The keys of a message, one after the other. */
export function threadKeys(
  message: Pick<MessageStructure, 'messageIds' | 'inReplyTo' | 'references' | 'baseSubject'>,
): Uint8Array {
  const { messageIds, inReplyTo, references } = message
  const ids = new Set([...messageIds.slice(0, 2), ...inReplyTo.slice(0, 4), ...references.slice(0, 1)])
  for (let i = references.length - 1; i > 0 && ids.size < maxKeys; i--) ids.add(references[i]!)
  if (ids.size === 0) return Buffer.alloc(0)
  const subject = message.baseSubject.replace(/\s+/g, '').toLowerCase()
  const keys = Buffer.allocUnsafe(ids.size * keyBytes)
  let at = 0
  for (const id of ids) at += hash('sha256', `${id}\0${subject}`, 'buffer').copy(keys, at, 0, keyBytes)
  return keys
}

/** The messages of a thread, ascending; none where there is no such thread. */
export async function threadMessages(
  tx: ReadTx,
  account: AccountId,
  thread: ThreadId,
): Promise<readonly MessageId[]> {
  return (await readThread(tx, account, thread))?.messages ?? []
}

/** The rows of the messages of threads, each of which must be named once, ascending; a thread without any is left out. */
export async function readThreads(
  tx: ReadTx,
  account: AccountId,
  threads: readonly ThreadId[],
): Promise<ReadonlyMap<ThreadId, readonly (readonly [MessageId, MessageRow])[]>> {
  const rows = await tx.getMany(
    threadTable,
    threads.map((thread) => [account, thread] as const),
  )
  // One without a row can only be the message that began it.
  const members = threads.flatMap((thread, i) =>
    (rows[i]?.messages ?? [thread as number as MessageId]).map((id) => ({ thread, id })),
  )
  const messages = await tx.getMany(
    messageTable,
    members.map(({ id }) => [account, id] as const),
  )
  const found = new Map<ThreadId, (readonly [MessageId, MessageRow])[]>()
  for (const [i, row] of messages.entries()) {
    const { thread, id } = members[i]!
    if (row?.thread !== thread) continue
    const others = found.get(thread)
    if (others === undefined) found.set(thread, [[id, row]])
    else others.push([id, row])
  }
  return found
}

/** At most so many threads that have a message of some kind. */
export async function firstThreads(
  tx: ReadTx,
  account: AccountId,
  isWanted: (row: MessageRow) => boolean,
  most: number,
): Promise<readonly ThreadId[]> {
  const found = new Set<ThreadId>()
  for (let after = 0 as MessageId; ;) {
    const page = await tx.list(messageTable, [account], { after: [account, after], limit: pageMessages })
    for (const [, row] of page) {
      if (isWanted(row)) found.add(row.thread)
      if (found.size === most) return [...found]
    }
    if (page.length < pageMessages) return [...found]
    after = page.at(-1)![0][1]
  }
}

/** Finds the thread of a new message, or begins one, and makes the message part of it. */
export async function joinThread(
  tx: WriteTx,
  account: AccountId,
  id: MessageId,
  keys: Uint8Array,
): Promise<ThreadId> {
  const names = keyNames(keys)
  const found =
    names.length === 0
      ? []
      : await tx.getMany(
          threadKeyTable,
          names.map((name) => [account, name] as const),
        )
  const candidates = new Set(found.filter((thread) => thread !== undefined).sort((a, b) => a - b))
  for (const thread of candidates) {
    const row = await readThread(tx, account, thread)
    if (row === undefined || isFull(row)) continue
    const missing = names.filter((_, i) => found[i] === undefined)
    for (const name of missing) tx.put(threadKeyTable, [account, name], thread)
    addToThread(tx, account, thread, row, id, Buffer.from(missing.join(''), 'hex'))
    return thread
  }
  // Keys of threads that are full lead to the new one from now on.
  const thread = id as number as ThreadId
  for (const name of names) tx.put(threadKeyTable, [account, name], thread)
  return thread
}

/** A copy of a message joins the thread of the original, which is returned. */
export async function joinThreadOf(
  tx: WriteTx,
  account: AccountId,
  id: MessageId,
  original: MessageRow,
): Promise<ThreadId> {
  const row = await readThread(tx, account, original.thread)
  if (row !== undefined) addToThread(tx, account, original.thread, row, id, Buffer.alloc(0))
  return original.thread
}

function addToThread(
  tx: WriteTx,
  account: AccountId,
  thread: ThreadId,
  row: ThreadRow,
  id: MessageId,
  keys: Uint8Array,
): void {
  tx.put(threadTable, [account, thread], {
    messages: [...row.messages, id],
    keys: keys.length === 0 ? row.keys : Buffer.concat([row.keys, keys]),
  })
}

/** A message that is being destroyed leaves its thread; with the last one the thread goes. */
export async function leaveThread(
  tx: WriteTx,
  account: AccountId,
  id: MessageId,
  message: MessageRow,
): Promise<void> {
  const { thread } = message
  const row = await tx.get(threadTable, account, thread)
  const left = row?.messages.filter((other) => other !== id) ?? []
  if (row !== undefined && left.length > 0) {
    tx.put(threadTable, [account, thread], { ...row, messages: left })
    return
  }
  if (row !== undefined) tx.delete(threadTable, [account, thread])
  const keys = keyNames(row?.keys ?? message.threadKeys).map((name) => [account, name] as const)
  const leads = keys.length === 0 ? [] : await tx.getMany(threadKeyTable, keys)
  for (const [i, key] of keys.entries()) if (leads[i] === thread) tx.delete(threadKeyTable, key)
}

/** The row of a thread, made up where it is the message that began it and no other. */
async function readThread(tx: ReadTx, account: AccountId, thread: ThreadId): Promise<ThreadRow | undefined> {
  const row = await tx.get(threadTable, account, thread)
  if (row !== undefined) return row
  const first = thread as number as MessageId
  const message = await tx.get(messageTable, account, first)
  return message?.thread === thread ? { messages: [first], keys: message.threadKeys } : undefined
}

const isFull = (row: ThreadRow): boolean =>
  row.messages.length >= maxThreadMessages || row.keys.length >= maxThreadKeys * keyBytes

export function keyNames(keys: Uint8Array): readonly string[] {
  const all = asBuffer(keys)
  const names: string[] = []
  for (let at = 0; at + keyBytes <= all.length; at += keyBytes)
    names.push(all.toString('hex', at, at + keyBytes))
  return names
}
