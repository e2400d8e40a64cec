/**
 * The change log and the expunge log against the rows: every commit has its entry, every message came and
 * changed in one, every UID that was given out is there or is said to be gone.
 */
import type { AccountId, MessageId } from '#base/id.ts'
import { changeLogTable, expungeLogTable, type LogEntry, logFloorTable } from '#kv/change-log.ts'
import type { ReadTx } from '#kv/tx.ts'
import type { MessageRow } from '#mail/message-row.ts'
import { countersTable, entryTable, mailboxTable } from '#mail/tables.ts'

/** Takes a sentence about what is wrong. */
export type Say = (sentence: string) => void

export async function wrongWithLogs(
  tx: ReadTx,
  account: AccountId,
  messages: ReadonlyMap<MessageId, MessageRow>,
  say: Say,
): Promise<void> {
  if ((await tx.get(logFloorTable, account)) !== undefined) return
  const log = new Map<number, LogEntry>(
    (await tx.list(changeLogTable, [account])).map(([[, modseq], entry]) => [modseq, entry]),
  )
  const sequence = await tx.sequence(account)
  for (let modseq = 1; modseq <= sequence; modseq++)
    if (!log.has(modseq)) say(`the change log has no entry ${modseq} of ${sequence}`)
  for (const modseq of log.keys()) if (modseq > sequence) say(`log entry ${modseq} is above the sequence`)
  compareMessages(log, messages, (await tx.get(countersTable, account))!.nextMessage, say)
  await compareUids(tx, account, say)
}

function compareMessages(
  log: ReadonlyMap<number, LogEntry>,
  messages: ReadonlyMap<MessageId, MessageRow>,
  nextMessage: number,
  say: Say,
): void {
  const isTold = new Map<number, boolean>()
  for (const entry of log.values())
    for (const [id, how] of entry.get('Email') ?? [])
      if (how !== 'updated') isTold.set(id, how !== 'destroyed')
  for (let id = 1; id < nextMessage; id++) {
    // The log tells of Emails as JMAP sees them: what has nothing but \Deleted entries is gone, or never came.
    const row = messages.get(id as MessageId)
    const isShown = row?.entries.some(({ deleted }) => !deleted) ?? false
    if (isShown && isTold.get(id) !== true) say(`message ${id} is there, which the change log does not say`)
    if (row === undefined && isTold.get(id) === true)
      say(`message ${id} is not there, which the change log does not say`)
  }
  for (const [id, { entries }] of messages) {
    for (const { uid, modseq } of entries)
      if (!log.get(modseq)?.get('Email')?.has(id))
        say(`log entry ${modseq} does not name message ${id} (UID ${uid})`)
  }
}

async function compareUids(tx: ReadTx, account: AccountId, say: Say): Promise<void> {
  for (const [[, mailbox], { name, uidNext }] of await tx.list(mailboxTable, [account])) {
    const seen = new Set<number>((await tx.list(entryTable, [account, mailbox])).map(([[, , uid]]) => uid))
    for (const [, uids] of await tx.list(expungeLogTable, [account, mailbox])) {
      for (const uid of uids) {
        if (seen.has(uid)) say(`${name}: UID ${uid} is there or gone twice, says the expunge log`)
        seen.add(uid)
      }
    }
    for (let uid = 1; uid < uidNext; uid++)
      if (!seen.has(uid)) say(`${name}: UID ${uid} is gone and not in the expunge log`)
  }
}
