/**
 * The check of conversations: the rows of threads list exactly the messages that name them, and what leads to a
 * thread leads to one that exists. Threads that are wrong are made again from their messages.
 */
import { asBuffer } from '#base/bytes.ts'
import type { AccountId, MessageId, ThreadId } from '#base/id.ts'
import { getRow, getRows, openRow, rowPages, type Trouble } from '#kv/check.ts'
import type { KvRow } from '#kv/backend.ts'
import type { WriteTx } from '#kv/tx.ts'
import { kinds } from './kinds.ts'
import { unknownRow } from './mailboxes.ts'
import { isU48, type MailScan } from './scan.ts'
import { countedMessage } from '../mailbox-counts.ts'
import type { MessageRow } from '../message-row.ts'
import { messageTable, threadKeyTable, type ThreadRow, threadTable } from '../tables.ts'
import { keyNames } from '../thread.ts'

const keyBytes = 8

export async function* checkThreads(scan: MailScan): AsyncGenerator<Trouble> {
  const { db, account, badThreads } = scan
  for await (const page of rowPages(db, threadTable.prefix(account))) {
    for (const row of page) {
      const thread = openRow(threadTable, row)
      const key = openRow(threadKeyTable, row)
      if (thread !== undefined) await checkRow(scan, thread.elements[1], thread.value)
      else if (key === undefined) yield unknownRow(row[0])
      else yield* checkKey(scan, key.elements[1], key.value, row)
    }
  }
  if (badThreads.size > 0) yield* remakeThreads(scan)
}

/** Counts the thread of a message that is the first of it. */
export async function countThread(
  { db, account, tally }: MailScan,
  id: MessageId,
  message: MessageRow,
  row: ThreadRow | 'damaged' | undefined,
): Promise<void> {
  if (row === 'damaged' || (row !== undefined && row.messages[0] !== id)) return
  const others = (row?.messages ?? []).slice(1).map((other) => [account, other] as const)
  const rows = others.length === 0 ? [] : await db.read((tx) => getRows(tx, messageTable, others))
  const messages = [message, ...rows.filter((one) => one !== undefined && one !== 'damaged')]
  tally.add(
    messages.map(countedMessage).filter((one) => one !== undefined),
    1,
  )
}

async function checkRow(scan: MailScan, id: ThreadId, row: ThreadRow | undefined): Promise<void> {
  const { db, account, badThreads } = scan
  if (row === undefined || !isAscending(row.messages) || row.keys.length % keyBytes !== 0) {
    badThreads.set(id, 'its row makes no sense')
    return
  }
  const messages = await db.read((tx) =>
    getRows(
      tx,
      messageTable,
      row.messages.map((message) => [account, message] as const),
    ),
  )
  const wrong = row.messages.filter((_, i) => {
    const message = messages[i]
    return message !== 'damaged' && message?.thread !== id
  })
  if (wrong.length > 0) badThreads.set(id, `message ${wrong.join(', ')} is not part of it`)
}

const isAscending = (ids: readonly number[]): boolean =>
  ids.length > 0 && ids.every((id, i) => isU48(id) && (i === 0 || id > ids[i - 1]!))

async function* checkKey(
  { db, account }: MailScan,
  name: string,
  thread: ThreadId | undefined,
  [key]: KvRow,
): AsyncGenerator<Trouble> {
  if (thread === undefined || !isU48(thread)) {
    yield unknownRow(key)
    return
  }
  const [row, message] = await db.read(async (tx) => [
    await getRow(tx, threadTable, account, thread),
    await getRow(tx, messageTable, account, thread as number as MessageId),
  ])
  if (row !== undefined || message === 'damaged' || message?.thread === thread) return
  yield {
    kind: kinds.threadKeyDangling,
    what: `a key leads to thread ${thread}`,
    fix: (tx) => tx.delete(threadKeyTable, [account, name]),
  }
}

interface Remade {
  readonly messages: MessageId[]
  readonly keys: Set<string>
}

/** Two passes over the account, however many threads are wrong. */
async function* remakeThreads({ db, account, badThreads }: MailScan): AsyncGenerator<Trouble> {
  const remade = new Map<ThreadId, Remade>(
    badThreads.keys().map((id) => [id, { messages: [], keys: new Set<string>() }]),
  )
  for await (const page of rowPages(db, messageTable.prefix(account), 256)) {
    for (const row of page) {
      const message = openRow(messageTable, row)
      const thread = message?.value === undefined ? undefined : remade.get(message.value.thread)
      if (message?.value === undefined || thread === undefined) continue
      thread.messages.push(message.elements[1])
      for (const key of keyNames(message.value.threadKeys)) thread.keys.add(key)
    }
  }
  for await (const page of rowPages(db, threadTable.prefix(account))) {
    for (const row of page) {
      const key = openRow(threadKeyTable, row)
      if (key?.value !== undefined) remade.get(key.value)?.keys.add(key.elements[1])
    }
  }
  for (const [id, thread] of remade) {
    const fix = (tx: WriteTx): Promise<void> => remakeThread(tx, account, id, thread)
    yield { kind: kinds.threadWrong, what: `thread ${id}: ${badThreads.get(id)}`, fix }
  }
}

async function remakeThread(tx: WriteTx, account: AccountId, id: ThreadId, thread: Remade): Promise<void> {
  const names = [...thread.keys]
  const keys = names.map((name) => [account, name] as const)
  const leads = await getRows(tx, threadKeyTable, keys)
  // A number that no key can hold was never a thread: its messages begin one each.
  if (!isU48(id)) {
    for (const message of thread.messages) await beginThread(tx, account, message)
    return
  }
  if (thread.messages.length === 0) {
    tx.delete(threadTable, [account, id])
    for (const [i, key] of keys.entries()) if (leads[i] === id) tx.delete(threadKeyTable, key)
    tx.changed(account, 'Thread', id, 'destroyed')
    return
  }
  for (const [i, key] of keys.entries())
    if (leads[i] === undefined || leads[i] === 'damaged') tx.put(threadKeyTable, key, id)
  tx.put(threadTable, [account, id], {
    messages: thread.messages,
    keys: asBuffer(Buffer.from(names.join(''), 'hex')),
  })
  tx.changed(account, 'Thread', id, 'updated')
}

async function beginThread(tx: WriteTx, account: AccountId, id: MessageId): Promise<void> {
  const row = await tx.get(messageTable, account, id)
  if (row === undefined) return
  const thread = id as number as ThreadId
  tx.put(messageTable, [account, id], { ...row, thread })
  tx.changed(account, 'Email', id, 'updated')
  tx.changed(account, 'Thread', thread, 'created')
}
