/**
 * What can be done with mail that waits: look at it, hurry it, change where it goes and for how long it is
 * tried, take it out.
 *
 * What must always hold: a change works on the rows as they are in its commit, so that the result of an
 * attempt that ends meanwhile is not lost; what is under way is neither sent elsewhere nor told to be
 * cancelled, since it may have arrived.
 */
import { readAccount, type StoredAccount } from '#account/stored-account.ts'
import type { Clock } from '#base/clock.ts'
import { domainPart } from '#base/domain-name.ts'
import { Fault, invalidProperties } from '#base/fault.ts'
import { utcDateOf } from '#base/utc-date.ts'
import type { Db } from '#kv/db.ts'
import type { ReadTx, WriteTx } from '#kv/tx.ts'
import type { ManyPlan, ObjectHandler, Plan, QueryRequest, QueryResult } from '#registry/managed-object.ts'
import type { Values } from '#settings/values.ts'
import type { QueueControl } from './control.ts'
import { putRecipient, removeIfDone } from './enqueue.ts'
import { followersOf, noteRemoval } from './follow.ts'
import { cancelled, isOver, movedTo, type QueueEdit, readEdit, rescheduled } from './queue-edit.ts'
import { queuedMessageObject, type RecipientState } from './queue-object.ts'
import { type QueueFilter, searchQueue } from './queue-search.ts'
import {
  type QueuedMessage,
  queuedMessageTable,
  type QueuedRecipient,
  queuedRecipientTable,
  type QueueId,
  queueIdText,
  readQueueId,
} from './tables.ts'
import type { Attempt } from './transport.ts'

export interface QueueHandlerOptions {
  readonly db: Db
  readonly clock: Clock
  readonly accounts: {
    byName(name: string): Promise<StoredAccount | undefined>
    resolve(address: string): Promise<{ readonly kind: string }>
  }
  readonly queue: QueueControl
}

type Row = readonly [n: number, row: QueuedRecipient]

const mostPerMessage = 10_000
/** Matches beyond the page that was asked for: whoever wants to know that there are many need not wait for all. */
const mostCounted = 10_000

export class QueueHandler implements ObjectHandler {
  readonly object = queuedMessageObject
  readonly many = {
    search: (filter: Values) => this.#search(filter),
    changeMany: (patch: Values | undefined) => this.#changeMany(patch),
  }
  readonly #o: QueueHandlerOptions

  constructor(o: QueueHandlerOptions) {
    this.#o = o
  }

  async locate(_tx: ReadTx, key: string): Promise<string | undefined> {
    const id = readQueueId(key.toLowerCase())
    return id && queueIdText(id)
  }

  async read(tx: ReadTx, key: string): Promise<Values | undefined> {
    const id = readQueueId(key)
    const message = id === undefined ? undefined : await tx.get(queuedMessageTable, id)
    if (id === undefined || message === undefined) return undefined
    const rows = await rowsOf(tx, id)
    const account = message.account === 0 ? undefined : await readAccount(tx, message.account)
    return shownMessage(message, rows, {
      account: account?.name ?? '',
      isTaken: (n) => this.#o.queue.isTaken(id, n),
    })
  }

  /** In the order of arrival. */
  async query({ filter, position, limit }: QueryRequest): Promise<QueryResult> {
    const wanted = await this.#readFilter(filter)
    const ids: string[] = []
    let total = 0
    if (wanted === undefined) return { ids, total }
    for await (const slice of searchQueue(this.#o.db, wanted)) {
      const from = Math.max(0, position - total)
      for (const id of slice.slice(from, from + limit - ids.length)) ids.push(queueIdText(id))
      total += slice.length
      if (total > position + limit + mostCounted) return { ids, total, isMore: true }
    }
    return { ids, total }
  }

  async update(key: string, patch: Values): Promise<Plan> {
    const id = readQueueId(key)!
    const edit = readEdit(patch)
    const arriving = await this.#arriving(edit)
    let hurried: readonly string[] = []
    return {
      accounts: await followersOf(this.#o.db, [id]),
      apply: async (tx) => {
        hurried = (await this.#edit(tx, id, edit, arriving)).hurried
        return key
      },
      committed: () => this.#o.queue.hurry(hurried),
    }
  }

  async destroy(key: string): Promise<Plan> {
    const id = readQueueId(key)!
    return {
      accounts: await followersOf(this.#o.db, [id]),
      apply: async (tx) => {
        await takeOut(tx, id)
        return key
      },
    }
  }

  async *#search(filter: Values): AsyncGenerator<readonly string[]> {
    const wanted = await this.#readFilter(filter)
    if (wanted === undefined) return
    for await (const slice of searchQueue(this.#o.db, wanted)) yield slice.map(queueIdText)
  }

  async #changeMany(patch: Values | undefined): Promise<ManyPlan> {
    const edit = patch === undefined ? undefined : readEdit(patch)
    const arriving = edit === undefined ? new Map<string, string>() : await this.#arriving(edit)
    // One address of a domain is enough for all that go there.
    const hurried = new Map<string, string>()
    return {
      accounts: (keys) =>
        followersOf(
          this.#o.db,
          keys.map((key) => readQueueId(key)!),
        ),
      apply: async (tx, keys) => {
        const done: string[] = []
        for (const key of keys) {
          const id = readQueueId(key)!
          const result = await tx.attempt(async () => {
            if (edit === undefined) return takeOut(tx, id)
            const { isChanged, hurried: now } = await this.#edit(tx, id, edit, arriving)
            for (const address of now) hurried.set(domainPart(address), address)
            return isChanged
          })
          // What is gone by now, or under way, is left alone.
          if (typeof result !== 'boolean' && result.code !== 'notFound' && result.code !== 'conflict')
            throw result
          if (result === true) done.push(key)
        }
        return done
      },
      finished: () => this.#o.queue.hurry([...hurried.values()]),
    }
  }

  /** In which virtual queue addresses wait that somebody's mail is to go to from now on. */
  async #arriving({ to = [] }: QueueEdit): Promise<ReadonlyMap<string, string>> {
    const arriving = new Map<string, string>()
    for (const address of to) {
      const isLocal = (await this.#o.accounts.resolve(address)).kind !== 'remote'
      arriving.set(address, isLocal ? 'local' : 'remote')
    }
    return arriving
  }

  /** Undefined: nothing can match. */
  async #readFilter(filter: Values): Promise<QueueFilter | undefined> {
    const { account: name, dueBefore, dueAfter, ...texts } = filter as Record<string, string | undefined>
    const account = name === undefined ? undefined : (await this.#o.accounts.byName(name))?.id
    if (name !== undefined && account === undefined) return undefined
    return {
      ...texts,
      ...(account === undefined ? {} : { account }),
      ...(dueBefore === undefined ? {} : { dueBefore: Date.parse(dueBefore) }),
      ...(dueAfter === undefined ? {} : { dueAfter: Date.parse(dueAfter) }),
    }
  }

  /** `hurried`: the addresses that are to be tried now. */
  async #edit(
    tx: WriteTx,
    id: QueueId,
    edit: QueueEdit,
    arriving: ReadonlyMap<string, string>,
  ): Promise<{ readonly isChanged: boolean; readonly hurried: readonly string[] }> {
    const now = this.#o.clock.now()
    const message = await messageForUpdate(tx, id)
    const rows = await rowsForUpdate(tx, id)
    const kept = await this.#redirect(tx, { id, message, rows }, edit, { arriving, now })
    let isChanged = kept.length !== rows.length || kept.some(([, row], i) => row !== rows[i]![1])
    const hurried: string[] = []
    for (const [n, row] of kept) {
      if (edit.only !== undefined && !edit.only.includes(row.address)) continue
      const after = rescheduled(row, edit, now)
      if (after === undefined) continue
      isChanged = true
      putRecipient(tx, id, n, row, after)
      if (edit.at !== undefined && after.dueAt <= now) hurried.push(after.address)
    }
    await removeIfDone(tx, id)
    return { isChanged, hurried }
  }

  /** Makes the recipients those that `to` says; the ones that are still there afterwards. */
  async #redirect(
    tx: WriteTx,
    queued: { readonly id: QueueId; readonly message: QueuedMessage; readonly rows: readonly Row[] },
    { to, bounce }: QueueEdit,
    { arriving, now }: { readonly arriving: ReadonlyMap<string, string>; readonly now: number },
  ): Promise<readonly Row[]> {
    const { id, message, rows } = queued
    if (to === undefined) return rows
    const open = rows.filter(([, row]) => !isOver(row))
    const changes = changesOf(
      open.map(([, { address }]) => address),
      to,
    )
    const kept: Row[] = rows.filter(([, row]) => isOver(row))
    for (const [i, [n, row]] of open.entries()) {
      const wanted = changes[i]
      if (wanted === row.address) {
        kept.push([n, row])
        continue
      }
      const isTaken = this.#o.queue.isTaken(id, n)
      if (isTaken && (wanted !== undefined || bounce))
        throw new Fault('conflict', 'It is being tried right now: look again in a moment.', {})
      const after =
        wanted === undefined
          ? bounce
            ? cancelled(message, row, now)
            : undefined
          : movedTo(row, wanted, arriving.get(wanted) ?? row.queue, now)
      putRecipient(tx, id, n, row, after)
      if (wanted === undefined) await noteRemoval(tx, queued, n, takenOut)
      if (after !== undefined) kept.push([n, after])
    }
    return kept
  }
}

/** As whoever follows it is told. */
const takenOut = '550 5.0.0 Whoever runs the server took the message out of its queue'

/** With all of its recipients. Throws Fault `notFound`. */
async function takeOut(tx: WriteTx, id: QueueId): Promise<true> {
  const message = await messageForUpdate(tx, id)
  for (const [n] of await rowsOf(tx, id)) {
    const row = await tx.get(queuedRecipientTable, id, n)
    putRecipient(tx, id, n, row, undefined)
    if (row !== undefined && !isOver(row)) await noteRemoval(tx, { id, message }, n, takenOut)
  }
  await removeIfDone(tx, id)
  return true
}

/** What each address becomes: itself, another one, or nothing. Throws Fault `invalid` where that is not clear. */
function changesOf(before: readonly string[], wanted: readonly string[]): readonly (string | undefined)[] {
  const known = new Set(before)
  const staying = new Set(wanted)
  if (wanted.every((address) => known.has(address)))
    return before.map((address) => (staying.has(address) ? address : undefined))
  // Somebody new stands where another one stood.
  if (wanted.length === before.length)
    return before.map((address, i) => (staying.has(address) ? address : wanted[i]))
  throw invalidProperties([
    {
      property: 'to',
      problem: 'must be recipients that wait, or as many as now with other addresses in place of some',
    },
  ])
}

async function messageForUpdate(tx: WriteTx, id: QueueId): Promise<QueuedMessage> {
  const message = await tx.get(queuedMessageTable, id)
  if (message === undefined)
    throw new Fault('notFound', 'There is no such QueuedMessage.', { what: 'QueuedMessage' })
  return message
}

async function rowsOf(tx: ReadTx, id: QueueId): Promise<readonly Row[]> {
  const rows = await tx.list(queuedRecipientTable, [id], { limit: mostPerMessage })
  return rows.map(([[, n], row]) => [n, row] as const)
}

async function rowsForUpdate(tx: WriteTx, id: QueueId): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (const [n] of await rowsOf(tx, id)) {
    const row = await tx.get(queuedRecipientTable, id, n)
    if (row !== undefined) rows.push([n, row])
  }
  return rows
}

function shownMessage(
  message: QueuedMessage,
  rows: readonly Row[],
  o: { readonly account: string; readonly isTaken: (n: number) => boolean },
): Values {
  const open = rows.filter(([, row]) => !isOver(row)).map(([, row]) => row)
  const times = rows.map(([, { dueAt }]) => dueAt)
  const all = rows.map(([, row]) => row)
  const last = all.flatMap(({ history }) => history.slice(-1)).toSorted((a, b) => b.at - a.at)[0]
  return {
    from: message.from,
    source: message.source,
    account: o.account,
    receivedAt: utcDateOf(message.receivedAt),
    size: Buffer.byteLength(message.before) + message.sizeBytes,
    envelopeId: message.envelopeId ?? '',
    attempts: Math.max(0, ...all.map(({ attempts }) => attempts)),
    status: last?.said ?? '',
    to: open.map(({ address }) => address),
    ...(times.length === 0 ? {} : { nextAttemptAt: utcDateOf(Math.min(...times)) }),
    ...(all.length === 0 ? {} : { expiresAt: utcDateOf(Math.max(...all.map((row) => row.expiresAt))) }),
    recipients: rows.map(([n, row]) => shownRecipient(row, o.isTaken(n))),
  }
}

function stateOf(row: QueuedRecipient, isTaken: boolean): RecipientState {
  if (isOver(row)) return 'reporting'
  if (isTaken) return 'trying'
  return row.attempts === 0 ? 'waiting' : 'delayed'
}

const shownRecipient = (row: QueuedRecipient, isTaken: boolean): Values => ({
  address: row.address,
  state: stateOf(row, isTaken),
  queue: row.queue,
  attempts: row.attempts,
  nextAttemptAt: utcDateOf(row.report === 'delayed' ? (row.retryAt ?? row.dueAt) : row.dueAt),
  expiresAt: utcDateOf(row.expiresAt),
  status: row.status ?? '',
  history: row.history.map(shownAttempt),
})

const shownAttempt = ({ at, elapsedMs, host = '', ip = '', tls = '', step, said }: Attempt): Values => ({
  at: utcDateOf(at),
  elapsedMs,
  host,
  ip,
  tls,
  step,
  said,
})
