/**
 * Cutting an account's change log, so that it does not grow for ever.
 *
 * The floor is raised first, in a commit of its own; whoever asks for older changes is told `tooOld` from then
 * on and reads the whole. Rows at or below the floor are never read again, so they go page by page, and a
 * crash in between leaves some to the next time. A reader that is following the log is never overtaken
 * unnoticed: it asks with the sequence it has seen, and the floor answers.
 */
import type { AccountId, MailboxId, Modseq } from '#base/id.ts'
import { changeLogTable, expungeLogTable, logFloorTable } from './change-log.ts'
import type { Db } from './db.ts'
import { sharedLogTable } from './shared-log.ts'
import type { Table } from './table.ts'

const pageRows = 1000
/** It is cut when it is this much too long: each cut writes, and makes somebody's stored state too old. */
const slack = 1.25

/** Keeps the last `keep` changes of the account. Returns how many rows were removed. */
export async function trimLog(db: Db, account: AccountId, keep: number): Promise<number> {
  const floor = await db.read(async (tx) => {
    const before = (await tx.get(logFloorTable, account)) ?? 0
    const last = await tx.sequence(account)
    return last - before > keep * slack ? ((last - keep) as Modseq) : undefined
  })
  if (floor === undefined) return 0
  await db.write([account], async (tx) => {
    if (((await tx.get(logFloorTable, account)) ?? 0) < floor) tx.put(logFloorTable, [account], floor)
  })
  return (
    (await dropChanges(db, account, floor)) +
    (await dropOfMailboxes(db, expungeLogTable, account, floor)) +
    (await dropOfMailboxes(db, sharedLogTable, account, floor))
  )
}

/** The rows of changes ascend by sequence, so those to drop come first. */
async function dropChanges(db: Db, account: AccountId, floor: Modseq): Promise<number> {
  for (let dropped = 0; ;) {
    const rows = await db.read((tx) => tx.list(changeLogTable, [account], { limit: pageRows }))
    const old = rows.filter(([[, modseq]]) => modseq <= floor)
    if (old.length === 0) return dropped
    await db.write([account], async (tx) => {
      for (const [key] of old) tx.delete(changeLogTable, key)
    })
    dropped += old.length
  }
}

/** Those of mailboxes ascend within each, so all are looked at. */
async function dropOfMailboxes<V>(
  db: Db,
  table: Table<readonly [AccountId, MailboxId, Modseq], V>,
  account: AccountId,
  floor: Modseq,
): Promise<number> {
  let dropped = 0
  for (let after: readonly [AccountId, MailboxId, Modseq] | undefined; ;) {
    const from = after
    const rows = await db.read((tx) =>
      tx.list(table, [account], { limit: pageRows, ...(from === undefined ? {} : { after: from }) }),
    )
    const old = rows.filter(([[, , modseq]]) => modseq <= floor)
    if (old.length > 0) {
      await db.write([account], async (tx) => {
        for (const [key] of old) tx.delete(table, key)
      })
    }
    dropped += old.length
    const last = rows.at(-1)
    if (rows.length < pageRows || last === undefined) return dropped
    after = last[0]
  }
}
