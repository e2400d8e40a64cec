/**
 * The check of an account's mailboxes and counters: first whether they can be read and hang together, and when
 * everything else was read, whether they say what a recount says.
 */
import { isFault } from '#base/fault.ts'
import type { AccountId, MailboxId, MessageId, Modseq, Uid } from '#base/id.ts'
import { expungeLogTable } from '#kv/change-log.ts'
import {
  anyRowTable,
  getRow,
  getRows,
  keyInHex,
  lastRow,
  openRow,
  rowPages,
  type Trouble,
} from '#kv/check.ts'
import { kinds as logKinds } from '#kv/check-log.ts'
import { highestSequence } from '#kv/raise-sequence.ts'
import type { WriteTx } from '#kv/tx.ts'
import { newUidValidity, renewUidValidity, touchMailbox } from './fixes.ts'
import { kinds } from './kinds.ts'
import { isU32, type MailScan, type Recount, recountOf, trashIn } from './scan.ts'
import { inboxId, listMailboxes, provisionAccount } from '../mailbox.ts'
import { countNames, noCounts, sameCounts } from '../mailbox-counts.ts'
import { checkMailboxName, maxDepth, sameName } from '../mailbox-path.ts'
import type { MailboxRow } from '../mailbox-row.ts'
import {
  countersTable,
  entryTable,
  type MailCounters,
  mailboxTable,
  messageTable,
  structureTable,
} from '../tables.ts'

const maxUidValidity = 0xffff_ffff

/** Reads the mailboxes into the scan. What is wrong here is repaired before anything else. */
export async function* readMailboxes(scan: MailScan): AsyncGenerator<Trouble> {
  const { db, account, mailboxes } = scan
  const unreadable: MailboxId[] = []
  for await (const page of rowPages(db, mailboxTable.prefix(account))) {
    for (const row of page) {
      const opened = openRow(mailboxTable, row)
      if (opened === undefined) yield unknownRow(row[0])
      else if (opened.value === undefined) unreadable.push(opened.elements[1])
      else mailboxes.set(opened.elements[1], opened.value)
    }
  }
  const counters = await db.read((tx) => getRow(tx, countersTable, account))
  if (counters === undefined || counters === 'damaged') {
    yield* withoutCounters(scan, counters !== undefined || mailboxes.size + unreadable.length > 0)
  }
  for (const id of unreadable) {
    const fix = (tx: WriteTx): Promise<void> => remakeMailbox(tx, account, id, true)
    yield { kind: kinds.mailboxUnreadable, what: `mailbox ${id}`, fix }
  }
  yield* checkInbox(scan, unreadable)
  yield* checkTree(scan, unreadable)
}

export const unknownRow = (key: Uint8Array): Trouble => ({
  kind: kinds.rowUnreadable,
  what: `key ${keyInHex(key)}`,
  fix: (tx) => tx.delete(anyRowTable, [key]),
})

export const notProvisioned = (account: AccountId, now: number): Trouble => ({
  kind: kinds.notProvisioned,
  what: `account ${account} has none`,
  fix: (tx) => provisionAccount(tx, account, now),
})

async function* withoutCounters(scan: MailScan, hasMailboxes: boolean): AsyncGenerator<Trouble> {
  const { db, account, mailboxes, now, log } = scan
  const last = await lastRow(db, messageTable.prefix(account))
  if (!hasMailboxes && last === undefined) {
    yield notProvisioned(account, now)
    return
  }
  const lastKey =
    last === undefined ? undefined : (openRow(messageTable, last) ?? openRow(structureTable, last))
  const lastId = lastKey?.elements[1] ?? 0
  const lastMailbox = await lastRow(db, mailboxTable.prefix(account))
  const counters: MailCounters = {
    nextMessage: (Math.max(lastId, log.highestIds.get('Email') ?? 0) + 1) as MessageId,
    nextMailbox: (Math.max(
      lastMailbox === undefined ? 0 : (openRow(mailboxTable, lastMailbox)?.elements[1] ?? 0),
      log.highestIds.get('Mailbox') ?? 0,
    ) + 1) as MailboxId,
    // A mailbox that was deleted may have had a higher one than those that are left.
    uidValidity: Math.max(Math.floor(now / 1000), ...mailboxes.values().map((row) => row.uidValidity)),
    usedBytes: 0,
    messages: 0,
    trash: trashIn(mailboxes),
  }
  const fix = (tx: WriteTx): void => tx.put(countersTable, [account], counters)
  yield { kind: kinds.countersUnreadable, what: 'the counters of the account', fix }
}

/** A mailbox again whose row is lost, under a name that tells so. UIDNEXT follows from its entries. */
export async function remakeMailbox(
  tx: WriteTx,
  account: AccountId,
  id: MailboxId,
  isUnreadable = false,
): Promise<void> {
  const isThere = (await getRow(tx, mailboxTable, account, id)) !== undefined
  if (isThere && !isUnreadable) return
  const uidValidity = await newUidValidity(tx, account)
  tx.put(mailboxTable, [account, id], {
    name: id === inboxId ? 'Inbox' : `Recovered ${id}`,
    parent: 0,
    role: id === inboxId ? 'inbox' : undefined,
    subscribed: true,
    uidValidity,
    uidNext: 1 as Uid,
    highestModseq: tx.modseq(account),
    messages: 0,
    unseen: 0,
    deleted: 0,
    sizeBytes: 0,
    grants: [],
    grantsModseq: 0 as Modseq,
    sortOrder: 0,
    counts: noCounts,
  })
  tx.changed(account, 'Mailbox', id, isThere ? 'updated' : 'created')
}

function* checkInbox({ account, mailboxes }: MailScan, unreadable: readonly MailboxId[]): Generator<Trouble> {
  if (unreadable.includes(inboxId) || mailboxes.size + unreadable.length === 0) return
  const inbox = mailboxes.get(inboxId)
  if (inbox === undefined) {
    const fix = (tx: WriteTx): Promise<void> => remakeMailbox(tx, account, inboxId)
    yield { kind: kinds.inboxWrong, what: 'there is none', fix }
  } else if (inbox.role !== 'inbox' || inbox.parent !== 0 || inbox.name.toLowerCase() !== 'inbox') {
    const place = { role: 'inbox', parent: 0, name: 'Inbox' } as const
    const fix = (tx: WriteTx): Promise<void> => touchMailbox(tx, account, inboxId, place)
    yield { kind: kinds.inboxWrong, what: `it is "${inbox.name}"`, fix }
  }
}

function* checkTree(scan: MailScan, unreadable: readonly MailboxId[]): Generator<Trouble> {
  const { account, mailboxes } = scan
  const names = new Map<string, MailboxId>()
  const roles = new Map<string, MailboxId>()
  for (const [id, row] of mailboxes) {
    const what = `mailbox ${id} "${row.name}"`
    const toTop = (tx: WriteTx): Promise<void> => moveToTop(tx, account, id)
    if (row.parent !== 0 && !mailboxes.has(row.parent)) {
      const willCome = unreadable.includes(row.parent)
      if (!willCome) yield { kind: kinds.parentMissing, what: `${what} in mailbox ${row.parent}`, fix: toTop }
    } else if (isWrongChain(mailboxes, id)) yield { kind: kinds.parentCycle, what, fix: toTop }
    const place = `${row.parent}/${row.parent === 0 && sameName(row, inboxPlace) ? 'INBOX' : row.name}`
    if (!isName(row.name) || names.has(place)) {
      const fix = (tx: WriteTx): Promise<void> => rename(tx, account, id)
      yield { kind: kinds.nameWrong, what, fix }
    }
    names.set(place, id)
    if (row.role !== undefined && roles.has(row.role)) {
      const fix = (tx: WriteTx): Promise<void> => touchMailbox(tx, account, id, { role: undefined })
      yield { kind: kinds.roleTwice, what: `${what}: ${row.role}`, fix }
    } else if (row.role !== undefined) roles.set(row.role, id)
  }
}

const inboxPlace = { name: 'INBOX', parent: 0 } as const

/** In a circle (told of one of its mailboxes only), or below too many others. */
function isWrongChain(mailboxes: ReadonlyMap<MailboxId, MailboxRow>, id: MailboxId): boolean {
  const chain = new Set<MailboxId>()
  for (let at: MailboxId | 0 = id; at !== 0;) {
    if (chain.has(at)) return at === id && id === Math.min(...chain)
    chain.add(at)
    at = mailboxes.get(at)?.parent ?? 0
  }
  return chain.size > maxDepth
}

function isName(name: string): boolean {
  try {
    checkMailboxName(name)
    return true
  } catch (error) {
    if (isFault(error)) return false
    throw error
  }
}

async function moveToTop(tx: WriteTx, account: AccountId, id: MailboxId): Promise<void> {
  await touchMailbox(tx, account, id, { parent: 0 })
  const all = await listMailboxes(tx, account)
  const moved = all.find((mailbox) => mailbox.id === id)
  if (
    moved !== undefined &&
    all.some((other) => other.id !== id && other.parent === 0 && sameName(other, moved))
  )
    await rename(tx, account, id)
}

/** Ids are unique, so the new name is. */
async function rename(tx: WriteTx, account: AccountId, id: MailboxId): Promise<void> {
  const row = await tx.get(mailboxTable, account, id)
  if (row === undefined) return
  const longer = `${row.name} (${id})`
  await touchMailbox(tx, account, id, { name: isName(longer) ? longer : `Recovered ${id}` })
}

/** UIDs that were expunged and are in use, and what the expunge log says of the highest UID and change. */
export async function* checkExpunged(scan: MailScan): AsyncGenerator<Trouble> {
  const { db, account, mailboxes } = scan
  const told = new Set<MailboxId>()
  for await (const page of rowPages(db, expungeLogTable.prefix(account), 100)) {
    for (const row of page) {
      const opened = openRow(expungeLogTable, row)
      const uids = opened?.value?.filter(isU32) ?? []
      const mailbox = opened?.elements[1]
      if (opened === undefined || mailbox === undefined || uids.length === 0 || !mailboxes.has(mailbox))
        continue
      const recount = recountOf(scan, mailbox)
      recount.highestUid = Math.max(recount.highestUid, uids.at(-1)!)
      if (opened.elements[2] < highestSequence)
        recount.highestModseq = Math.max(recount.highestModseq, opened.elements[2])
      if (told.has(mailbox)) continue
      const entries = await db.read((tx) =>
        getRows(
          tx,
          entryTable,
          uids.map((uid) => [account, mailbox, uid] as const),
        ),
      )
      const reused = uids.find((_, i) => entries[i] !== undefined)
      if (reused === undefined) continue
      told.add(mailbox)
      const fix = (tx: WriteTx): Promise<void> => renewUidValidity(tx, account, mailbox)
      yield { kind: kinds.uidReused, what: `UID ${reused} in mailbox ${mailbox}`, fix }
    }
  }
}

/** Compares what is counted with the recount, which must be complete. */
export async function* checkCounts(scan: MailScan): AsyncGenerator<Trouble> {
  const { db, account, mailboxes, total, log } = scan
  const counters = await db.read((tx) => getRow(tx, countersTable, account))
  // Told before; and the rest follows from its repair.
  if (counters === undefined || counters === 'damaged') return
  const validities = new Set<number>()
  for (const [id, row] of mailboxes) {
    yield* checkMailbox(scan, id, row, recountOf(scan, id))
    const { uidValidity } = row
    if (!isU32(uidValidity) || validities.has(uidValidity)) {
      const fix = (tx: WriteTx): Promise<void> => renewUidValidity(tx, account, id)
      yield { kind: kinds.uidValidityWrong, what: `mailbox ${id}: ${uidValidity}`, fix }
    } else validities.add(uidValidity)
  }
  const used = { usedBytes: total.usedBytes, messages: total.messages }
  if (counters.usedBytes !== used.usedBytes || counters.messages !== used.messages) {
    const said = `${counters.messages} messages with ${counters.usedBytes} bytes`
    yield {
      kind: kinds.accountCounts,
      what: `${said}, recounted ${used.messages} with ${used.usedBytes}`,
      fix: (tx) => patchCounters(tx, account, () => used),
    }
  }
  const trash = trashIn(mailboxes)
  if (counters.trash !== trash) {
    const what = `the trash is mailbox ${counters.trash}, recounted ${trash}`
    yield { kind: kinds.accountCounts, what, fix: (tx) => patchCounters(tx, account, () => ({ trash })) }
  }
  const atLeast = {
    nextMessage: (Math.max(total.highestId, log.highestIds.get('Email') ?? 0) + 1) as MessageId,
    nextMailbox: (Math.max(log.highestIds.get('Mailbox') ?? 0, ...mailboxes.keys()) + 1) as MailboxId,
    uidValidity: Math.max(0, ...[...validities].filter((one) => one <= maxUidValidity)),
  }
  for (const [name, least] of Object.entries(atLeast) as [keyof typeof atLeast, number][]) {
    if (counters[name] >= least) continue
    yield {
      kind: kinds.nextIdTooLow,
      what: `${name} is ${counters[name]} and must be ${least}`,
      fix: (tx) => patchCounters(tx, account, (now) => ({ [name]: Math.max(now[name], least) })),
    }
  }
}

function* checkMailbox(scan: MailScan, id: MailboxId, row: MailboxRow, recount: Recount): Generator<Trouble> {
  const { account, log, tally } = scan
  const name = `mailbox ${id} "${row.name}"`
  const { messages, unseen, deleted, sizeBytes, highestUid, highestModseq } = recount
  const counts = { messages, unseen, deleted, sizeBytes }
  const wrong = (Object.keys(counts) as (keyof typeof counts)[]).filter((key) => row[key] !== counts[key])
  const set =
    (change: Partial<MailboxRow>) =>
    (tx: WriteTx): Promise<void> =>
      touchMailbox(tx, account, id, change)
  if (wrong.length > 0) {
    const what = `${name}: ${wrong.map((key) => `${key} ${row[key]}, recounted ${counts[key]}`).join('; ')}`
    yield { kind: kinds.mailboxCounts, what, fix: set(counts) }
  }
  // While threads are not as they should be, neither is what is counted by them.
  if (wrong.length === 0 && scan.badThreads.size === 0 && !sameCounts(row.counts, tally.of(id))) {
    const what = `${name}: ${countNames.map((key) => `${key} ${row.counts[key]}, recounted ${tally.of(id)[key]}`).join('; ')}`
    yield { kind: kinds.mailboxCounts, what, fix: set({ counts: tally.of(id) }) }
  }
  if (row.uidNext <= highestUid) {
    const what = `${name}: UIDNEXT ${row.uidNext}, highest UID ${highestUid}`
    yield { kind: kinds.uidNextTooLow, what, fix: set({ uidNext: (highestUid + 1) as Uid }) }
  }
  if (row.highestModseq < highestModseq) {
    yield {
      kind: kinds.mailboxModseq,
      what: `${name}: ${row.highestModseq}, highest ${highestModseq}`,
      fix: set({}),
    }
  }
  if (row.highestModseq > log.sequence) {
    const what = `${name} has modseq ${row.highestModseq}, the last change is ${log.sequence}`
    if (row.highestModseq < highestSequence)
      yield { kind: logKinds.sequenceTooLow, what, sequence: row.highestModseq }
    else yield { kind: kinds.modseqWrong, what, fix: set({}) }
  }
}

async function patchCounters(
  tx: WriteTx,
  account: AccountId,
  change: (now: MailCounters) => Partial<MailCounters>,
): Promise<void> {
  const now = await tx.get(countersTable, account)
  if (now !== undefined) tx.put(countersTable, [account], { ...now, ...change(now) })
}
