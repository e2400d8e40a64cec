/**
 * Reports to others that wait to be sent: looked at, sent at another time, taken out. An id is the domain and the
 * beginning of the period in seconds.
 */
import { normaliseDomain } from '#base/domain-name.ts'
import { Fault } from '#base/fault.ts'
import { utcDateOf } from '#base/utc-date.ts'
import type { Bus } from '#bus/bus.ts'
import type { Clock } from '#base/clock.ts'
import type { Db } from '#kv/db.ts'
import type { ReadTx, WriteTx } from '#kv/tx.ts'
import type {
  ManagedObject,
  ManyHandler,
  ManyPlan,
  ObjectHandler,
  Plan,
  QueryRequest,
  QueryResult,
} from '#registry/managed-object.ts'
import { dateTime, list, text } from '#settings/field.ts'
import type { Values } from '#settings/values.ts'
import { digestOf, dmarcReportField, mostShown, shownDmarcReport } from './dmarc-report-fields.ts'
import { recordsOf, removePending, scheduleSending } from './pending.ts'
import { type PendingReport, pendingReportTable, type ReportKey } from './tables.ts'

const internalReportObject: ManagedObject = {
  name: 'DmarcInternalReport',
  title: 'DMARC reports that wait',
  help: 'What is counted about mail of other domains, until it is sent to them.',
  kind: 'record',
  fields: {
    domain: text({ fallback: '', settable: 'never', help: 'The domain that gets it.' }),
    createdAt: dateTime({ fallback: undefined, settable: 'never', help: 'When its period began.' }),
    deliverAt: dateTime({ fallback: undefined, help: 'When it is sent; changing it moves that.' }),
    rua: list(text({ fallback: undefined, help: 'A URI.' }), {
      fallback: [],
      settable: 'never',
      help: 'Where the domain wants it sent to. An address of others gets it only if they want it.',
    }),
    report: dmarcReportField,
  },
  filters: {
    text: text({ fallback: undefined, longest: 255, help: 'Part of the domain.' }),
  },
}

/** Reports that are changed at a time. */
const perCommit = 5

const idOf = ([period, domain]: ReportKey): string => `${domain}:${period / 1000}`

function keyOf(id: string): ReportKey | undefined {
  const [, name = '', seconds = ''] = /^(.{1,255}):(\d{1,11})$/.exec(id) ?? []
  const domain = normaliseDomain(name)
  return domain === undefined ? undefined : [Number(seconds) * 1000, domain]
}

const noSuchReport = (): Fault =>
  new Fault('notFound', 'There is no such report.', { what: internalReportObject.name })

export class InternalReportHandler implements ObjectHandler {
  readonly object = internalReportObject
  readonly many: ManyHandler = {
    search: (filter) => this.#search(filter),
    changeMany: (patch) => this.#changeMany(patch),
  }
  readonly #o: { readonly db: Db; readonly bus: Bus; readonly clock: Clock }

  constructor(o: { db: Db; bus: Bus; clock: Clock }) {
    this.#o = o
  }

  async locate(tx: ReadTx, id: string): Promise<string | undefined> {
    const key = keyOf(id)
    return key === undefined || (await tx.get(pendingReportTable, ...key)) === undefined
      ? undefined
      : idOf(key)
  }

  async read(tx: ReadTx, id: string): Promise<Values | undefined> {
    const key = keyOf(id)!
    const row = await tx.get(pendingReportTable, ...key)
    return row === undefined ? undefined : this.#shown(tx, key, row)
  }

  async #shown(tx: ReadTx, key: ReportKey, row: PendingReport): Promise<Values> {
    const { begin, end, deliverAt, policy, rua, errors, messages, passed, leftOut } = row
    const digest = digestOf({
      // Known when it is sent.
      orgName: '',
      email: '',
      reportId: '',
      begin: begin / 1000,
      end: end / 1000,
      errors,
      policy,
      extensions: [],
      records: await recordsOf(tx, key, mostShown),
    })
    return {
      domain: key[1],
      createdAt: utcDateOf(key[0]),
      deliverAt: utcDateOf(deliverAt),
      rua: rua.map(({ uri }) => uri),
      report: shownDmarcReport({
        ...digest,
        passed,
        messages: messages + leftOut,
        leftOut: messages - digest.messages + leftOut,
      }),
    }
  }

  /** By period, then by domain. */
  async query({ filter, position, limit }: QueryRequest): Promise<QueryResult> {
    const ids = await this.#found(filter)
    return { ids: ids.slice(position, position + limit), total: ids.length }
  }

  async #found({ text: given }: Values): Promise<readonly string[]> {
    const needle = typeof given === 'string' ? given.toLowerCase() : ''
    const rows = await this.#o.db.read((tx) => tx.list(pendingReportTable, []))
    return rows.filter(([[, domain]]) => domain.includes(needle)).map(([key]) => idOf(key))
  }

  /** Few at a time: each may have thousands of records. */
  async *#search(filter: Values): AsyncGenerator<readonly string[]> {
    const ids = await this.#found(filter)
    for (let i = 0; i < ids.length; i += perCommit) yield ids.slice(i, i + perCommit)
  }

  async update(id: string, patch: Values): Promise<Plan> {
    return this.#plan(id, this.#postponing(patch))
  }

  async destroy(id: string): Promise<Plan> {
    return this.#plan(id, remove)
  }

  #plan(id: string, change: Change): Plan {
    return {
      accounts: [],
      apply: async (tx) => {
        if (!(await change(tx, keyOf(id)!))) throw noSuchReport()
        return id
      },
      committed: () => this.#hurry(),
    }
  }

  async #changeMany(patch: Values | undefined): Promise<ManyPlan> {
    const change = patch === undefined ? remove : this.#postponing(patch)
    return {
      apply: async (tx, ids) => {
        const done: string[] = []
        for (const id of ids) if (await change(tx, keyOf(id)!)) done.push(id)
        return done
      },
      finished: () => this.#hurry(),
    }
  }

  #postponing({ deliverAt }: Values): Change {
    // What is past is now.
    const at =
      typeof deliverAt === 'string' ? Math.max(Date.parse(deliverAt), this.#o.clock.now()) : undefined
    return async (tx, key) => {
      const row = await tx.get(pendingReportTable, ...key)
      if (row === undefined) return false
      if (at === undefined) return true
      scheduleSending(tx, key, at, row.deliverAt)
      tx.put(pendingReportTable, key, { ...row, deliverAt: at })
      return true
    }
  }

  /** One may be due now. */
  #hurry(): void {
    this.#o.bus.publish({ kind: 'task' })
  }
}

/** False where the report is not there any more. */
type Change = (tx: WriteTx, key: ReportKey) => Promise<boolean>

const remove: Change = async (tx, key) => (await removePending(tx, key)) !== undefined
