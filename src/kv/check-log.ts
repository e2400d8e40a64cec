/**
 * The check of an account's change log and expunge log, and of the rows of tasks.
 *
 * Gaps in the log are legal: a commit that changes only rows which no client sees writes no entry. So a lost
 * entry shows only by what else names its commit: an expunge row here, the modseq of an entry in `mail/`. A log
 * that cannot be trusted is cut: whoever asks for what changed before is told to read everything anew.
 */
import { equalBytes } from '#base/bytes.ts'
import type { AccountId, DataType, Modseq } from '#base/id.ts'
import type { KvRow } from './backend.ts'
import { changeLogTable, expungeLogTable, logFloorTable } from './change-log.ts'
import {
  anyRowTable,
  type FindingKind,
  getRow,
  getRows,
  keyInHex,
  lastRow,
  openRow,
  rowPages,
  type Trouble,
} from './check.ts'
import type { Db } from './db.ts'
import { highestSequence } from './raise-sequence.ts'
import { sequenceTable } from './sequence.ts'
import { sharedLogTable } from './shared-log.ts'
import { taskTable } from './task-rows.ts'
import type { ReadTx, WriteTx } from './tx.ts'

const cutRepair = 'The log is cut: clients read the account anew once instead of asking what changed.'

export const kinds = {
  sequenceLost: {
    name: 'sequence-lost',
    means:
      'The number of the last change of the account is missing or cannot be read, so changes would be numbered from the beginning and clients would miss them.',
    repair: 'It is set to the highest number that any row of the account has.',
  },
  sequenceTooLow: {
    name: 'sequence-too-low',
    means:
      'Something in the account carries a number that is higher than that of its last change: clients would miss what changes next.',
    repair: 'The number of the last change is raised.',
  },
  logDamaged: {
    name: 'change-log-damaged',
    means: 'An entry of the change log cannot be read, or is not as it was written.',
    repair: cutRepair,
  },
  logEntryMissing: {
    name: 'change-log-entry-missing',
    means:
      'Something changed and the change log does not say so: clients that were away would never hear of it.',
    repair: cutRepair,
  },
  expungeLogDamaged: {
    name: 'expunge-log-damaged',
    means: 'An entry of the log of expunged messages cannot be read or is not in order.',
    repair: cutRepair,
  },
  floorWrong: {
    name: 'log-floor-wrong',
    means:
      'The mark up to which the change log was cut cannot be read, or lies in the future: nobody would ever be told what changed.',
    repair: cutRepair,
  },
  taskDamaged: {
    name: 'task-damaged',
    means: 'A background task cannot be read, and keeps the others from running.',
    repair: 'The task is removed: nobody can tell what it was.',
  },
} as const satisfies Record<string, FindingKind>

/** What the other checks of an account need to know of its log. */
export interface LogFacts {
  /** 0 where it is lost. */
  readonly sequence: number
  /** Up to here the log says nothing. */
  readonly floor: number
  /** The highest id that the log names, by type. */
  readonly highestIds: ReadonlyMap<DataType, number>
}

interface Draft {
  sequence: number
  floor: number
  readonly highestIds: Map<DataType, number>
}

/** `facts` is complete when the last trouble was yielded. */
export function checkLog(db: Db, account: AccountId): { facts: LogFacts; troubles: AsyncGenerator<Trouble> } {
  const facts: Draft = { sequence: 0, floor: 0, highestIds: new Map() }
  return { facts, troubles: logTroubles(db, account, facts) }
}

async function* logTroubles(db: Db, account: AccountId, facts: Draft): AsyncGenerator<Trouble> {
  const [sequence, floor] = await db.read(async (tx) => [
    await getRow(tx, sequenceTable, account),
    await getRow(tx, logFloorTable, account),
  ])
  const isLost = sequence === undefined || sequence === 'damaged'
  facts.sequence = isLost ? 0 : sequence
  facts.floor = floor === undefined || floor === 'damaged' ? 0 : Math.min(floor, facts.sequence)
  if (floor === 'damaged' || (floor ?? 0) > facts.sequence) {
    yield { kind: kinds.floorWrong, what: `the log is marked as cut up to ${floor}`, fix: cut(account) }
  }
  if (isLost) {
    const what = `the account's sequence ${sequence === undefined ? 'is missing' : 'cannot be read'}`
    yield { kind: kinds.sequenceLost, what, sequence: await lastLogged(db, account) }
  }
  yield* changeRows(db, account, facts)
  yield* expungeRows(db, account, facts)
  yield* sharedRows(db, account)
}

/** The last change that the log knows of; at least 1, since 0 is written by having no row. */
async function lastLogged(db: Db, account: AccountId): Promise<number> {
  const last = await lastRow(db, changeLogTable.prefix(account))
  const modseq = last === undefined ? 0 : (openRow(changeLogTable, last)?.elements[1] ?? 0)
  return isBelievable(modseq) ? Math.max(1, modseq) : 1
}

/** Believable numbers only: a single damaged row must not use up the numbers of an account. */
const isBelievable = (modseq: number): boolean => modseq < highestSequence

async function* changeRows(db: Db, account: AccountId, facts: Draft): AsyncGenerator<Trouble> {
  for await (const page of rowPages(db, changeLogTable.prefix(account))) {
    for (const row of page) yield* changeRow(account, row, facts)
  }
}

function* changeRow(account: AccountId, row: KvRow, facts: Draft): Generator<Trouble> {
  const opened = openRow(changeLogTable, row)
  const entry = opened?.value
  if (
    opened === undefined ||
    entry === undefined ||
    !equalBytes(row[1], changeLogTable.value.encode(entry))
  ) {
    const what =
      opened === undefined ? `key ${keyInHex(row[0])}` : `the entry of change ${opened.elements[1]}`
    yield { kind: kinds.logDamaged, what, fix: dropRow(account, row[0]) }
    return
  }
  const modseq = opened.elements[1]
  if (modseq > facts.sequence) {
    const what = `the change log has an entry ${modseq}, the last change is ${facts.sequence}`
    if (isBelievable(modseq)) yield { kind: kinds.sequenceTooLow, what, sequence: modseq }
    else yield { kind: kinds.logDamaged, what, fix: dropRow(account, row[0]) }
  }
  for (const [type, changes] of entry) {
    let highest = facts.highestIds.get(type) ?? 0
    for (const id of changes.keys()) if (id > highest) highest = id
    facts.highestIds.set(type, highest)
  }
}

async function* sharedRows(db: Db, account: AccountId): AsyncGenerator<Trouble> {
  for await (const page of rowPages(db, sharedLogTable.prefix(account), 500)) {
    for (const row of page) {
      const opened = openRow(sharedLogTable, row)
      if (opened?.value !== undefined) continue
      const what = opened === undefined ? `key ${keyInHex(row[0])}` : nameOf(opened.elements)
      yield { kind: kinds.expungeLogDamaged, what, fix: dropRow(account, row[0]) }
    }
  }
}

async function* expungeRows(db: Db, account: AccountId, facts: Draft): AsyncGenerator<Trouble> {
  for await (const page of rowPages(db, expungeLogTable.prefix(account), 500)) {
    const opened = page.map((row) => ({ row, opened: openRow(expungeLogTable, row) }))
    const modseqs = opened.map((one) => one.opened?.elements[2] ?? (0 as Modseq))
    const entries = await db.read((tx) =>
      getRows(
        tx,
        changeLogTable,
        modseqs.map((modseq) => [account, modseq] as const),
      ),
    )
    for (const [i, one] of opened.entries()) {
      const uids = one.opened?.value
      if (one.opened === undefined || uids === undefined || !isAscending(uids)) {
        const what = one.opened === undefined ? `key ${keyInHex(one.row[0])}` : nameOf(one.opened.elements)
        yield { kind: kinds.expungeLogDamaged, what, fix: dropRow(account, one.row[0]) }
        continue
      }
      const modseq = modseqs[i]!
      const what = `${nameOf(one.opened.elements)} of change ${modseq}`
      if (modseq > facts.sequence) {
        if (isBelievable(modseq)) yield { kind: kinds.sequenceTooLow, what, sequence: modseq }
        else yield { kind: kinds.expungeLogDamaged, what, fix: dropRow(account, one.row[0]) }
      } else if (modseq > facts.floor && entries[i] === undefined) {
        yield { kind: kinds.logEntryMissing, what, fix: cut(account) }
      }
    }
  }
}

const nameOf = ([, mailbox, modseq]: readonly [AccountId, number, number]): string =>
  `the expunge log of mailbox ${mailbox} at ${modseq}`

const isAscending = (uids: readonly number[]): boolean =>
  uids.length > 0 && uids.every((uid, i) => uid > (i === 0 ? 0 : uids[i - 1]!))

/** The row goes, and with it the trust in the log. */
const dropRow =
  (account: AccountId, key: Uint8Array) =>
  (tx: WriteTx): void => {
    tx.delete(anyRowTable, [key])
    cutLog(tx, account)
  }

const cut =
  (account: AccountId) =>
  (tx: WriteTx): void =>
    cutLog(tx, account)

/** From now on nobody is told what changed before this commit. */
export function cutLog(tx: WriteTx, account: AccountId): void {
  tx.put(logFloorTable, [account], tx.modseq(account))
}

/** Removes the rows that a cut has made useless, page by page. */
export async function dropCutRows(db: Db, account: AccountId): Promise<void> {
  const floor = await db.read((tx) => getRow(tx, logFloorTable, account))
  if (floor === undefined || floor === 'damaged') return
  for (const table of [changeLogTable, expungeLogTable, sharedLogTable] as const) {
    for await (const page of rowPages(db, table.prefix(account))) {
      const old = page.filter(
        (row) => (openRow<readonly number[], unknown>(table as never, row)?.elements.at(-1) ?? 0) <= floor,
      )
      if (old.length > 0)
        await db.write([account], async (tx) => old.forEach(([key]) => tx.delete(anyRowTable, [key])))
    }
  }
}

/** Which of these messages the log names as created or changed by these commits. Both lists run in parallel. */
export async function namedInLog(
  tx: ReadTx,
  account: AccountId,
  type: DataType,
  asked: readonly (readonly [id: number, modseq: Modseq])[],
): Promise<readonly boolean[]> {
  const modseqs = [...new Set(asked.map(([, modseq]) => modseq))]
  const rows = await getRows(
    tx,
    changeLogTable,
    modseqs.map((modseq) => [account, modseq] as const),
  )
  const byModseq = new Map(modseqs.map((modseq, i) => [modseq, rows[i]]))
  return asked.map(([id, modseq]) => {
    const row = byModseq.get(modseq)
    // One that cannot be read is reported as that.
    return row === 'damaged' || row?.get(type)?.has(id) === true
  })
}

/** Rows of tasks that cannot be read. */
export async function* taskTroubles(db: Db): AsyncGenerator<Trouble> {
  for await (const page of rowPages(db, taskTable.prefix())) {
    for (const row of page) {
      const value: unknown = openRow(taskTable, row)?.value
      if (isTaskRow(value)) continue
      yield {
        kind: kinds.taskDamaged,
        what: `key ${keyInHex(row[0])}`,
        fix: (tx) => tx.delete(anyRowTable, [row[0]]),
      }
    }
  }
}

function isTaskRow(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { task, attempts, leasedUntil } = value as Record<string, unknown>
  return typeof task === 'string' && Number.isFinite(attempts) && Number.isFinite(leasedUntil)
}
