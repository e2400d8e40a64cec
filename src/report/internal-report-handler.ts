/**
 * Reports to others that wait to be sent: looked at, sent at another time, taken out. An id is the domain and the
 * beginning of the period in seconds.
 */
import { normaliseDomain } from '#base/domain-name.ts'
import { Fault } from '#base/fault.ts'
import type { Bus } from '#bus/bus.ts'
import type { Clock } from '#base/clock.ts'
import type { Db } from '#kv/db.ts'
import type { ReadTx } from '#kv/tx.ts'
import type {
  ManagedObject,
  ObjectHandler,
  Plan,
  QueryRequest,
  QueryResult,
} from '#registry/managed-object.ts'
import { dateTime, list, text } from '#settings/field.ts'
import type { Values } from '#settings/values.ts'
import { digestOf, dmarcReportField, shownDmarcReport } from './dmarc-report-fields.ts'
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

const idOf = ([period, domain]: ReportKey): string => `${domain}:${period / 1000}`

function keyOf(id: string): ReportKey | undefined {
  const [, name = '', seconds = ''] = /^(.{1,255}):(\d{1,11})$/.exec(id) ?? []
  const domain = normaliseDomain(name)
  return domain === undefined ? undefined : [Number(seconds) * 1000, domain]
}

const timeText = (ms: number): string => new Date(ms).toISOString().replace('.000Z', 'Z')

const noSuchReport = (): Fault =>
  new Fault('notFound', 'There is no such report.', { what: internalReportObject.name })

export class InternalReportHandler implements ObjectHandler {
  readonly object = internalReportObject
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
    const { begin, end, deliverAt, policy, rua, errors, leftOut } = row
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
      records: await recordsOf(tx, key),
    })
    return {
      domain: key[1],
      createdAt: timeText(key[0]),
      deliverAt: timeText(deliverAt),
      rua: rua.map(({ uri }) => uri),
      report: shownDmarcReport({
        ...digest,
        messages: digest.messages + leftOut,
        leftOut: digest.leftOut + leftOut,
      }),
    }
  }

  /** By period, then by domain. */
  async query({ filter, position, limit }: QueryRequest): Promise<QueryResult> {
    const needle = typeof filter['text'] === 'string' ? filter['text'].toLowerCase() : ''
    const rows = await this.#o.db.read((tx) => tx.list(pendingReportTable, []))
    const keys = rows.map(([key]) => key).filter(([, domain]) => domain.includes(needle))
    return { ids: keys.slice(position, position + limit).map(idOf), total: keys.length }
  }

  async update(id: string, { deliverAt }: Values): Promise<Plan> {
    const key = keyOf(id)!
    // What is past is now.
    const at =
      typeof deliverAt === 'string' ? Math.max(Date.parse(deliverAt), this.#o.clock.now()) : undefined
    return this.#plan(async (tx) => {
      const row = await tx.getForUpdate(pendingReportTable, ...key)
      if (row === undefined) throw noSuchReport()
      if (at === undefined) return id
      scheduleSending(tx, key, at, row.deliverAt)
      tx.put(pendingReportTable, key, { ...row, deliverAt: at })
      return id
    })
  }

  async destroy(id: string): Promise<Plan> {
    return this.#plan(async (tx) => {
      if ((await removePending(tx, keyOf(id)!)) === undefined) throw noSuchReport()
      return id
    })
  }

  #plan(apply: Plan['apply']): Plan {
    return { accounts: [], apply, committed: () => this.#o.bus.publish({ kind: 'task' }) }
  }
}
