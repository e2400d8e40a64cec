/** Reports that came in, as they are managed: looked at and thrown away. */
import { Fault } from '#base/fault.ts'
import { utcDateOf } from '#base/utc-date.ts'
import type { Db } from '#kv/db.ts'
import type { Table } from '#kv/table.ts'
import type { ReadTx, WriteTx } from '#kv/tx.ts'
import type {
  ManagedObject,
  ManyHandler,
  ObjectHandler,
  Plan,
  QueryRequest,
  QueryResult,
} from '#registry/managed-object.ts'
import { dateTime, list, text } from '#settings/field.ts'
import type { Fields, Values } from '#settings/values.ts'
import { newestFirst, receivedId, receivedKey, type ReceivedTable } from './received.ts'
import type { ReceivedKey, ReceivedReport } from './tables.ts'

const said = (help: string) => text({ fallback: '', settable: 'never', help })
const moment = (help: string) => dateTime({ fallback: undefined, settable: 'never', help })

/** What is known of the mail that brought a report. */
export const mailFields = {
  from: said('Who sent it.'),
  to: list(text({ fallback: undefined, help: 'An address.' }), {
    fallback: [],
    settable: 'never',
    help: 'Which addresses of ours it came to.',
  }),
  subject: said('The subject of the mail.'),
  receivedAt: moment('When it came in.'),
  expiresAt: moment('When it goes.'),
  dmarc: said('What DMARC said of the mail: without pass, anybody may have written it.'),
  problems: list(text({ fallback: undefined, help: 'A problem.' }), {
    fallback: [],
    settable: 'never',
    help: 'What was wrong with the report and passed over.',
  }),
} as const satisfies Fields

/** What a kind of report is made of. */
export interface ReceivedKind<R> {
  readonly object: ManagedObject
  /** Ids begin with it. */
  readonly letter: string
  readonly table: ReceivedTable<R>
  /** The same rows, whose values nobody reads. */
  readonly keys: Table<ReceivedKey, Uint8Array>
  readonly shown: (report: R) => Values
  /** Whether it is one of those that are asked for, by all filters but `text`. */
  readonly matches: (report: R, filter: Values) => boolean
  /** Where `text` is looked for. */
  readonly texts: (report: R) => readonly string[]
}

/** Further back nobody pages; a narrower question finds it. */
const mostLookedAt = 100_000
/** Reports that are removed at a time. */
const perCommit = 100

export class ReceivedReportHandler<R> implements ObjectHandler {
  readonly object: ManagedObject
  readonly many: ManyHandler = {
    search: (filter) => this.#search(filter),
    changeMany: async () => ({ apply: (tx, ids) => this.#removeSome(tx, ids) }),
  }
  readonly #kind: ReceivedKind<R>
  readonly #db: Db
  readonly #keepMs: () => number

  constructor(kind: ReceivedKind<R>, o: { db: Db; keepReports: () => number }) {
    this.object = kind.object
    this.#kind = kind
    this.#db = o.db
    this.#keepMs = o.keepReports
  }

  async locate(tx: ReadTx, id: string): Promise<string | undefined> {
    const key = receivedKey(this.#kind.letter, id)
    return key === undefined || (await tx.get(this.#kind.keys, ...key)) === undefined
      ? undefined
      : receivedId(this.#kind.letter, key)
  }

  async read(tx: ReadTx, id: string): Promise<Values | undefined> {
    const row = await tx.get(this.#kind.table, ...receivedKey(this.#kind.letter, id)!)
    if (row === undefined) return undefined
    const { receivedAt, report, ...mail } = row
    return {
      ...mail,
      receivedAt: utcDateOf(receivedAt),
      expiresAt: utcDateOf(receivedAt + this.#keepMs()),
      report: this.#kind.shown(report),
    }
  }

  /** The newest first. */
  async query({ filter, position, limit }: QueryRequest): Promise<QueryResult> {
    const ids: string[] = []
    let total = 0
    for await (const key of this.#found(filter)) {
      if (total >= position && ids.length < limit) ids.push(receivedId(this.#kind.letter, key))
      total++
    }
    return { ids, total }
  }

  async *#search(filter: Values): AsyncGenerator<readonly string[]> {
    let slice: string[] = []
    for await (const key of this.#found(filter)) {
      slice.push(receivedId(this.#kind.letter, key))
      if (slice.length < perCommit) continue
      yield slice
      slice = []
    }
    yield slice
  }

  async #removeSome(tx: WriteTx, ids: readonly string[]): Promise<readonly string[]> {
    const { table } = this.#kind
    const removed: string[] = []
    for (const id of ids) {
      const key = receivedKey(this.#kind.letter, id)!
      if ((await tx.get(table, ...key)) === undefined) continue
      tx.delete(table, key)
      removed.push(id)
    }
    return removed
  }

  async *#found(filter: Values): AsyncGenerator<ReceivedKey> {
    if (Object.keys(filter).length === 0) {
      for await (const [key] of newestFirst(this.#db, this.#kind.keys)) yield key
      return
    }
    let lookedAt = 0
    for await (const [key, row] of newestFirst(this.#db, this.#kind.table)) {
      if (this.#isWanted(row, filter)) yield key
      if (++lookedAt === mostLookedAt) return
    }
  }

  #isWanted({ from, to, subject, report }: ReceivedReport<R>, filter: Values): boolean {
    const { matches, texts } = this.#kind
    if (!matches(report, filter)) return false
    const needle = typeof filter['text'] === 'string' ? filter['text'].toLowerCase() : ''
    return [from, ...to, subject, ...texts(report)].some((one) => one.toLowerCase().includes(needle))
  }

  async destroy(id: string): Promise<Plan> {
    const apply: Plan['apply'] = async (tx) => {
      const removed = await this.#removeSome(tx, [id])
      if (removed.length === 0)
        throw new Fault('notFound', 'There is no such report.', { what: this.object.name })
      return id
    }
    return { accounts: [], apply }
  }
}
