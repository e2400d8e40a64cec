/**
 * The change log: one row per account and writer, which says what was created, updated and destroyed.
 *
 * The account's sequence, which rises with every writer, is at once IMAP MODSEQ, JMAP state and DAV sync-token; those
 * that share a commit have numbers of their own (RFC 7162 §3.1: no two STORE commands have the same). The log is
 * truth and the bus only a hint: whoever knows the sequence it has seen can always ask what came after, or is
 * told `tooOld` where the log was cut. Expunged UIDs have a log of their own per mailbox (RFC 7162 §3.2.7).
 * An id never appears in two lists of one entry. A change of id 0 is of the type as a whole, and of no object. What was
 * destroyed and is there again under its id, as an Email that loses its \Deleted, is `restored` and not `created`.
 */
import {
  type AccountId,
  type DataType,
  dataTypes,
  type MailboxId,
  type Modseq,
  type State,
  type Uid,
} from '#base/id.ts'
import { PackReader, PackWriter } from '#base/pack.ts'
import { ascendingUints, uint } from './codec.ts'
import { u32, u48 } from './key.ts'
import { accountTable, type Codec } from './table.ts'
import type { Change, ReadTx } from './tx.ts'

/** What one writer did to the objects of one type. */
export type Changes = Map<number, Change>
export type LogEntry = ReadonlyMap<DataType, ReadonlyMap<number, Change>>

const changeCodes: readonly Change[] = ['created', 'updated', 'destroyed', 'counts']
/** What was restored, which is rare, is a list of its own, of the type with this bit. */
const restoredBit = 0x80

const logEntry: Codec<LogEntry> = {
  encode(entry) {
    const restored = [...entry].filter(([, changes]) => idsOf(changes, 'restored').length > 0)
    const out = new PackWriter(48).u8(entry.size + restored.length)
    for (const [type, changes] of entry) {
      out.u8(dataTypes.indexOf(type))
      for (const how of changeCodes) out.ascending(idsOf(changes, how))
    }
    for (const [type, changes] of restored)
      out.u8(dataTypes.indexOf(type) | restoredBit).ascending(idsOf(changes, 'restored'))
    return out.done()
  },
  decode(bytes) {
    const from = new PackReader(bytes)
    const entry = new Map<DataType, Changes>()
    for (let types = from.u8(); types > 0; types--) {
      const code = from.u8()
      const type = dataTypes[code & ~restoredBit]
      const changes: Changes = (type && entry.get(type)) ?? new Map()
      const codes: readonly Change[] = (code & restoredBit) === 0 ? changeCodes : ['restored']
      for (const how of codes) for (const id of from.ascending()) changes.set(id, how)
      if (type !== undefined) entry.set(type, changes)
    }
    return entry
  },
}

function idsOf(changes: ReadonlyMap<number, Change>, wanted: Change): readonly number[] {
  const ids: number[] = []
  for (const [id, how] of changes) if (how === wanted) ids.push(id)
  return ids.length > 1 ? ids.sort((a, b) => a - b) : ids
}

export const changeLogTable = accountTable({
  name: 'change-log',
  letter: 'c',
  key: [u48<Modseq>()],
  value: logEntry,
})
export const expungeLogTable = accountTable({
  name: 'expunge-log',
  letter: 'x',
  key: [u32<MailboxId>(), u48<Modseq>()],
  value: ascendingUints<Uid>(),
})
/** Entries up to and including this one were cut. One row an account; absent while nothing was cut. */
export const logFloorTable = accountTable({ name: 'log-floor', letter: 'f', key: [], value: uint<Modseq>() })

type LogReader = Pick<ReadTx, 'sequence' | 'get' | 'getMany' | 'list'>

/** Rows of so few numbers are asked for one by one, which costs less than to look for those there are. */
const fewNumbers = 8

/** The numbers of all changes after `from`, where they are few. */
async function numbersSince(
  tx: LogReader,
  account: AccountId,
  from: Modseq,
): Promise<readonly Modseq[] | undefined> {
  const count = (await tx.sequence(account)) - from
  if (count > fewNumbers) return undefined
  return Array.from({ length: Math.max(0, count) }, (_, i) => (from + 1 + i) as Modseq)
}

export interface ChangesSince {
  readonly created: readonly number[]
  readonly updated: readonly number[]
  readonly destroyed: readonly number[]
  /** Every update was one of counts. */
  readonly countsOnly: boolean
  readonly to: Modseq
  readonly more: boolean
}

export const stateOf = (modseq: Modseq): State => modseq.toString(36) as State

/** The modseq of a state that a client gave back; undefined for anything that we never gave out. */
export function modseqOf(state: string): Modseq | undefined {
  if (!/^[0-9a-z]{1,10}$/.test(state)) return undefined
  const value = Number.parseInt(state, 36)
  return value.toString(36) === state ? (value as Modseq) : undefined
}

/** Entries after `from` in order, oldest first; `tooOld` where the log no longer reaches back. */
export async function entriesSince(
  tx: LogReader,
  account: AccountId,
  from: Modseq,
  limit: number,
): Promise<readonly (readonly [Modseq, LogEntry])[] | 'tooOld'> {
  if (from < ((await tx.get(logFloorTable, account)) ?? 0)) return 'tooOld'
  const numbers = limit < fewNumbers ? undefined : await numbersSince(tx, account, from)
  if (numbers === undefined) {
    const rows = await tx.list(changeLogTable, [account], { after: [account, from], limit })
    return rows.map(([[, modseq], entry]) => [modseq, entry] as const)
  }
  const entries = await tx.getMany(
    changeLogTable,
    numbers.map((modseq) => [account, modseq] as const),
  )
  const found: (readonly [Modseq, LogEntry])[] = []
  for (const [i, entry] of entries.entries()) if (entry !== undefined) found.push([numbers[i]!, entry])
  return found
}

/**
 * What became of the objects of one type after `from`, each id in one list (RFC 8620 §5.2): created and
 * destroyed in between appears nowhere. At most `limit` ids, always whole entries, so `to` may lie before the
 * current sequence; a single entry that is larger than `limit` is returned whole. Nothing after `until` is looked at.
 */
export async function changesSince(
  tx: LogReader,
  account: AccountId,
  type: DataType,
  from: Modseq,
  limit: number,
  until?: Modseq,
): Promise<ChangesSince | 'tooOld'> {
  const merged: Changes = new Map()
  const last = await tx.sequence(account)
  const page = 256
  let to = from
  for (;;) {
    const entries = await entriesSince(tx, account, to, page)
    if (entries === 'tooOld') return 'tooOld'
    for (const [modseq, entry] of entries) {
      if (until !== undefined && modseq > until) return summarise(merged, until, true)
      const changes = entry.get(type)
      if (changes !== undefined) {
        if (merged.size > 0 && merged.size + changes.size > limit) return summarise(merged, to, true)
        for (const [id, how] of changes) mergeChange(merged, id, how)
      }
      to = modseq
    }
    if (entries.length < page) return summarise(merged, last, false)
  }
}

/** Adds a later change of an object to what is known of it. */
export function mergeChange(changes: Changes, id: number, how: Change): void {
  const before = changes.get(id)
  const isNew = before === 'created' || before === 'restored'
  if (isNew && how === 'destroyed') changes.delete(id)
  else if (isNew) return
  // Until it is there again, whatever is done to it does not matter. Earlier releases wrote `created` for that.
  else if (before === 'destroyed')
    changes.set(id, how === 'restored' || how === 'created' ? 'updated' : before)
  else if (before === 'updated' && how === 'counts') return
  else changes.set(id, how)
}

function summarise(changes: Changes, to: Modseq, more: boolean): ChangesSince {
  const created: number[] = []
  const updated: number[] = []
  const destroyed: number[] = []
  let countsOnly = true
  for (const [id, how] of changes) {
    if (id === 0) continue
    // It was not there at the beginning.
    if (how === 'created' || how === 'restored') created.push(id)
    else if (how === 'destroyed') destroyed.push(id)
    else updated.push(id)
    if (how === 'updated') countsOnly = false
  }
  return { created, updated, destroyed, countsOnly: countsOnly && updated.length > 0, to, more }
}

/** UIDs expunged from a mailbox after `from`, ascending. */
export async function expungedSince(
  tx: LogReader,
  account: AccountId,
  mailbox: MailboxId,
  from: Modseq,
): Promise<readonly Uid[] | 'tooOld'> {
  if (from < ((await tx.get(logFloorTable, account)) ?? 0)) return 'tooOld'
  const uids: Uid[] = []
  const numbers = await numbersSince(tx, account, from)
  if (numbers !== undefined) {
    const rows = await tx.getMany(
      expungeLogTable,
      numbers.map((modseq) => [account, mailbox, modseq] as const),
    )
    for (const some of rows) if (some !== undefined) uids.push(...some)
    return uids.sort((a, b) => a - b)
  }
  for (let after = from, page = 256; ;) {
    const rows = await tx.list(expungeLogTable, [account, mailbox], {
      after: [account, mailbox, after],
      limit: page,
    })
    for (const [, some] of rows) uids.push(...some)
    if (rows.length < page) return uids.sort((a, b) => a - b)
    after = rows.at(-1)![0][2]
  }
}
