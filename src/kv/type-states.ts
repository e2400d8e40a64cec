/**
 * The state of each type of an account's data: the number of the last change that touched it, so that a client
 * which knows a state learns that nothing of the type changed without asking (RFC 8620 §5.1).
 *
 * Read from the change log and kept in memory, brought up to date entry by entry. What must always hold: a type
 * that changed after a number never has a state below it; where the log no longer tells, the state is the end of
 * what was cut. The same after a restart.
 */
import { type AccountId, type DataType, dataTypes, type Modseq } from '#base/id.ts'
import { Lru } from '#base/lru.ts'
import { changeLogTable, entriesSince, type LogEntry, logFloorTable } from './change-log.ts'
import type { ReadTx, WriteTx } from './tx.ts'

/**
 * Besides the types: when something new was added to the store last (RFC 8621 §1.5), when there were more or less
 * of what quotas count (RFC 9425 §6), and when something was there again that had been destroyed.
 */
export type StateType = DataType | 'EmailDelivery' | 'Quota' | 'Restored'
type States = ReadonlyMap<StateType, Modseq>
type Reader = Pick<ReadTx, 'sequence' | 'get' | 'getMany' | 'list'>

interface Known {
  readonly at: Modseq
  readonly states: States
}

const allTypes: readonly StateType[] = [...dataTypes, 'EmailDelivery', 'Quota', 'Restored']
const page = 256
/** Some 200 bytes each. */
const keptAccounts = 10_000

export class TypeStates {
  readonly #known = new Lru<AccountId, Known>(keptAccounts)

  /** The state of a type as the snapshot shows it. */
  async read(tx: ReadTx, account: AccountId, type: StateType): Promise<Modseq> {
    const { states } = await this.#readAll(tx, account)
    return states.get(type)!
  }

  /** Of all types. */
  async readAll(tx: ReadTx, account: AccountId): Promise<States> {
    return (await this.#readAll(tx, account)).states
  }

  /** The state in front of a writer's own changes; those of others who share its commit are in front of it. */
  async before(tx: WriteTx, account: AccountId, type: DataType): Promise<Modseq> {
    const to = (tx.modseq(account) - 1) as Modseq
    const known = this.#known.get(account)
    const found = known !== undefined && known.at <= to ? await follow(tx, account, known, to) : undefined
    const now = found ?? (await scan(tx, account, to))
    // What others in this commit do is not there yet.
    if (to === (await tx.sequence(account))) this.#known.set(account, now)
    return now.states.get(type)!
  }

  async #readAll(tx: ReadTx, account: AccountId): Promise<Known> {
    const to = await tx.sequence(account)
    const known = this.#known.get(account)
    if (known?.at === to) return known
    const found = known !== undefined && known.at < to ? await follow(tx, account, known, to) : undefined
    const now = found ?? (await scan(tx, account, to))
    // A snapshot from before what is known teaches nothing; after an account was deleted, numbers begin again.
    this.#known.set(account, now)
    return now
  }
}

async function follow(tx: Reader, account: AccountId, known: Known, to: Modseq): Promise<Known | undefined> {
  const states = new Map(known.states)
  for (let from = known.at; from < to;) {
    const entries = await entriesSince(tx, account, from, page)
    if (entries === 'tooOld') return undefined
    for (const [modseq, entry] of entries) for (const type of touched(entry)) states.set(type, modseq)
    if (entries.length < page) break
    from = entries.at(-1)![0]
  }
  return { at: to, states }
}

/** Backwards through the log, until every type has been met or the log ends. */
async function scan(tx: Reader, account: AccountId, to: Modseq): Promise<Known> {
  const floor = (await tx.get(logFloorTable, account)) ?? (0 as Modseq)
  const states = new Map<StateType, Modseq>()
  for (let before = (to + 1) as Modseq; ;) {
    const rows: readonly (readonly [readonly [AccountId, Modseq], LogEntry])[] = await tx.list(
      changeLogTable,
      [account],
      { after: [account, before], reverse: true, limit: page },
    )
    for (const [[, modseq], entry] of rows)
      for (const type of touched(entry)) if (!states.has(type)) states.set(type, modseq)
    if (rows.length < page || states.size === allTypes.length) break
    before = rows.at(-1)![0][1]
  }
  for (const type of allTypes) if (!states.has(type)) states.set(type, floor)
  return { at: to, states }
}

/** The types that an entry is about. */
function* touched(entry: LogEntry): Iterable<StateType> {
  yield* entry.keys()
  const messages = new Set(entry.get('Email')?.values())
  if (messages.has('created')) yield 'EmailDelivery'
  const counted = new Set([...messages, ...(entry.get('Mailbox')?.values() ?? [])])
  if (counted.has('created') || counted.has('destroyed')) yield 'Quota'
  for (const changes of entry.values()) if ([...changes.values()].includes('restored')) yield 'Restored'
}
