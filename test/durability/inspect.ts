/**
 * Reads a store from its files and recounts everything that is kept twice: entries against messages, counters,
 * blob links, the change log and the expunge log. Independent of `postern check`, so that neither covers for
 * the other.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { accountRowTable } from '#account/tables.ts'
import type { AccountId, BlobHash, MailboxId, MessageId } from '#base/id.ts'
import { blobLinkTable, blobTable, isLive, ownerKinds } from '#kv/blob-rows.ts'
import type { ReadTx } from '#kv/tx.ts'
import { readMessageRange } from '#mail/message-bytes.ts'
import { type MessageRow, sizeOf } from '#mail/message-row.ts'
import { countersTable, entryTable, mailboxTable, messageTable, structureTable } from '#mail/tables.ts'
import type { EmbeddedEngine } from '#server/store/engine-choice.ts'
import { openTestStore, type TestStore } from '../harness/store.ts'
import { type Say, wrongWithLogs } from './inspect-logs.ts'
import { type AccountState, inbox, keywordsAmong, type MailboxState } from './ledger.ts'
import { damageOf, keyOf } from './messages.ts'

export interface StoreReading {
  readonly accounts: ReadonlyMap<string, AccountState>
  readonly wrong: readonly string[]
}

/** Fails with everything that is wrong with the store in this data directory. */
export async function expectSoundStore(engine: EmbeddedEngine, directory: string): Promise<void> {
  const { wrong } = await inspectStore(engine, directory)
  assert.deepEqual(wrong, [], wrong.join('\n'))
}

export async function inspectStore(engine: EmbeddedEngine, directory: string): Promise<StoreReading> {
  await using store = await openTestStore(engine, { directory })
  return await readStore(store)
}

export async function readStore(store: TestStore): Promise<StoreReading> {
  const wrong: string[] = []
  const accounts = new Map<string, AccountState>()
  await store.db.read(async (tx) => {
    const links = new Set<string>()
    for (const [[id], { name }] of await tx.list(accountRowTable, []))
      accounts.set(
        name,
        await readAccount(store, tx, id, links, (sentence) => wrong.push(`${name} ${sentence}`)),
      )
    await compareLinks(tx, links, (sentence) => wrong.push(sentence))
  })
  return { accounts, wrong }
}

async function readAccount(
  store: TestStore,
  tx: ReadTx,
  account: AccountId,
  links: Set<string>,
  say: Say,
): Promise<AccountState> {
  const state: AccountState = { mailboxes: new Map(), keywords: new Map() }
  const messages = new Map<MessageId, MessageRow>()
  const keys = new Map<MessageId, string>()
  let usedBytes = 0
  for (const [[, id], row] of await tx.list(messageTable, [account])) {
    messages.set(id, row)
    usedBytes += sizeOf(row)
    links.add(linkName(row.blob, account, id))
    const key = await readKey(store, row, (sentence) => say(`message ${id}: ${sentence}`))
    keys.set(id, key)
    if (state.keywords.has(key)) say(`${key} is two messages`)
    state.keywords.set(key, keywordsAmong(row.keywords.map(flagOf)))
    if (row.entries.length === 0) say(`message ${id} has no entry`)
    if ((await tx.get(structureTable, account, id)) === undefined) say(`message ${id} has no structure`)
  }
  const counters = (await tx.get(countersTable, account))!
  if (counters.messages !== messages.size) say(`counts ${counters.messages} messages of ${messages.size}`)
  if (counters.usedBytes !== usedBytes) say(`counts ${counters.usedBytes} bytes of ${usedBytes}`)
  for (const [[, id], row] of await tx.list(mailboxTable, [account])) {
    const path = row.role === 'inbox' ? inbox : row.name
    const read = await readMailbox(tx, account, id, messages, keys, (sentence) => say(`${path}: ${sentence}`))
    state.mailboxes.set(path, read)
  }
  await wrongWithLogs(tx, account, messages, say)
  return state
}

async function readKey(store: TestStore, row: MessageRow, say: Say): Promise<string> {
  try {
    const bytes = await readMessageRange(store.blobs, row, 0, sizeOf(row))
    const key = keyOf(bytes)
    const damage = key === undefined ? 'it is none of this test' : damageOf(key, bytes)
    if (damage !== undefined) say(`${key}: ${damage}`)
    return key ?? ''
  } catch (error) {
    say(`its bytes cannot be read: ${(error as Error).message}`)
    return ''
  }
}

async function readMailbox(
  tx: ReadTx,
  account: AccountId,
  id: MailboxId,
  messages: ReadonlyMap<MessageId, MessageRow>,
  keys: ReadonlyMap<MessageId, string>,
  say: Say,
): Promise<MailboxState> {
  const row = (await tx.get(mailboxTable, account, id))!
  const state: MailboxState = { uidValidity: row.uidValidity, uidNext: row.uidNext, entries: new Map() }
  const recount = { messages: 0, unseen: 0, deleted: 0, sizeBytes: 0 }
  for (const [[, , uid], messageId] of await tx.list(entryTable, [account, id])) {
    const message = messages.get(messageId)
    const entry = message?.entries.find((one) => one.mailbox === id && one.uid === uid)
    if (message === undefined || entry === undefined) {
      say(`UID ${uid} is in the list and not in message ${messageId}`)
      continue
    }
    state.entries.set(uid, { key: keys.get(messageId)!, deleted: entry.deleted })
    recount.messages++
    recount.sizeBytes += sizeOf(message)
    if (!message.keywords.includes('$seen')) recount.unseen++
    if (entry.deleted) recount.deleted++
    if (uid >= row.uidNext) say(`UID ${uid} is not below UIDNEXT ${row.uidNext}`)
    if (entry.modseq > row.highestModseq) say(`UID ${uid} has a modseq above the mailbox's`)
  }
  for (const name of ['messages', 'unseen', 'deleted', 'sizeBytes'] as const)
    if (recount[name] !== row[name]) say(`counts ${row[name]} ${name}, a recount ${recount[name]}`)
  for (const [messageId, { entries }] of messages) {
    for (const { mailbox, uid } of entries)
      if (mailbox === id && !state.entries.has(uid))
        say(`UID ${uid} of message ${messageId} is not in the list`)
  }
  return state
}

const linkName = (blob: BlobHash, account: AccountId, message: number): string =>
  `${blob} ${account}/${message}`

/** Every message owns its blob, and nobody else owns one. */
async function compareLinks(tx: ReadTx, wanted: Set<string>, say: Say): Promise<void> {
  const left = new Set(wanted)
  for (const [[blob, account, kind, id]] of await tx.list(blobLinkTable, [])) {
    if (kind === ownerKinds.message && !left.delete(linkName(blob, account, id)))
      say(`message ${account}/${id} is not there and owns blob ${blob}`)
  }
  for (const name of left) say(`no link: ${name}`)
  const stored = new Map((await tx.list(blobTable, [])).map(([[hash], location]) => [hash, location]))
  for (const name of wanted) {
    const location = stored.get(name.slice(0, 64) as BlobHash)
    if (location === undefined || !isLive(location)) say(`the blob is not there or condemned: ${name}`)
  }
}

const systemFlags: Readonly<Record<string, string>> = {
  $seen: '\\Seen',
  $answered: '\\Answered',
  $flagged: '\\Flagged',
  $draft: '\\Draft',
}

const flagOf = (keyword: string): string => systemFlags[keyword] ?? keyword

/** Fails with what `postern check` prints where it finds anything. */
export async function expectCleanCheck(directory: string): Promise<void> {
  const args = [program, 'check', '--data', directory]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  const [code] = (await once(child, 'close')) as [number | null]
  assert.equal(code, 0, output)
}

const program = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
