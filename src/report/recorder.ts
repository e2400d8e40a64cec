/**
 * Counts checked messages for the reports of their domains. No message waits for it: counts are collected in
 * memory and written some seconds later, many in one commit.
 *
 * What must hold: memory is bounded, and what has no place is counted as dropped and told. What a crash loses
 * are the counts of the last seconds.
 */
import type { Clock } from '#base/clock.ts'
import type { Db } from '#kv/db.ts'
import type { AggregateRecord } from '#mailauth/aggregate-report.ts'
import type { Settings } from '#settings/object.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import {
  aggregateRecord,
  type CheckedMessage,
  reportedDomain,
  type ReportedDomain,
} from './aggregate-record.ts'
import { countsDropped, countsUnwritten } from './events.ts'
import { addCounted, type CountedDomain, type Period } from './pending.ts'
import { dmarcReportSettings } from './settings.ts'

const flushMs = 5000
/** Different records: so many are written before their time, and more than `most` are not taken. */
const early = 1000
const most = 5000
/** Records of one commit. */
const perCommit = 250

export interface RecorderOptions {
  readonly db: Db
  readonly clock: Clock
  readonly settings: Pick<Settings, 'get'>
  readonly telemetry: Telemetry
}

interface Counted {
  readonly period: Period
  /** The last one that was seen. */
  reported: ReportedDomain
  readonly records: Map<string, { readonly record: AggregateRecord; count: number }>
}

const hourMs = 3_600_000
const lengths = { hourly: hourMs, daily: 24 * hourMs, weekly: 7 * 24 * hourMs } as const
/** Weeks begin on Mondays; 1970 began on a Thursday. */
const weekOffset = 4 * 24 * hourMs

/** RFC 9990 §3.1 wants days and hours as calendars have them; UTC. */
export function periodOf(frequency: keyof typeof lengths, nowMs: number): Period {
  const length = lengths[frequency]
  const offset = frequency === 'weekly' ? weekOffset : 0
  const begin = Math.floor((nowMs - offset) / length) * length + offset
  return { begin, end: begin + length }
}

export class ReportRecorder implements AsyncDisposable {
  readonly #o: RecorderOptions
  #counted = new Map<string, Counted>()
  #records = 0
  #dropped = 0
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()
  /** Waits for the one before. */
  #next: Promise<void> | undefined

  constructor(o: RecorderOptions) {
    this.#o = o
  }

  /** At once, and never throws. */
  record(message: CheckedMessage): void {
    const { dmarc } = message.verdict
    const { aggregateSendFrequency: frequency } = this.#o.settings.get(dmarcReportSettings)
    const reported = reportedDomain(dmarc)
    if (dmarc === undefined || reported === undefined || frequency === 'never') return
    const period = periodOf(frequency, this.#o.clock.now())
    this.#add(period, reported, aggregateRecord(message, dmarc))
    if (this.#records >= early) void this.flush()
    else this.#arm()
  }

  /** Settled when all that was counted before is written. Never rejects. */
  flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#next ??= this.#writing.then(() => {
      this.#next = undefined
      return this.#write()
    })
    return (this.#writing = this.#next)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.flush()
    clearTimeout(this.#timer)
  }

  #arm(): void {
    if (this.#timer !== undefined) return
    this.#timer = setTimeout(() => void this.flush(), flushMs)
    this.#timer.unref()
  }

  #add(period: Period, reported: ReportedDomain, record: AggregateRecord): void {
    const name = `${period.begin} ${reported.domain}`
    const counted = this.#counted.get(name) ?? { period, reported, records: new Map() }
    const recordKey = JSON.stringify({ ...record, count: 0 })
    const known = counted.records.get(recordKey)
    if (known === undefined && this.#records >= most) {
      this.#dropped += record.count
      return
    }
    if (known === undefined) {
      counted.records.set(recordKey, { record, count: record.count })
      this.#records++
    } else known.count += record.count
    counted.reported = reported
    this.#counted.set(name, counted)
  }

  async #write(): Promise<void> {
    const counted = [...this.#counted.values()].flatMap(commitsOf)
    this.#counted = new Map()
    this.#records = 0
    for (let i = 0; i < counted.length;) {
      const some: CountedDomain[] = []
      for (let records = 0; i < counted.length && records < perCommit; i++) {
        some.push(counted[i]!)
        records += counted[i]!.records.length
      }
      await this.#commit(some)
    }
    if (this.#dropped > 0) this.#o.telemetry.emit(countsDropped, { messages: this.#dropped })
    this.#dropped = 0
  }

  async #commit(some: readonly CountedDomain[]): Promise<void> {
    try {
      this.#dropped += await this.#o.db.write([], (tx) => addCounted(tx, some), {
        mayWait: true,
      })
    } catch (error) {
      this.#o.telemetry.emit(countsUnwritten, { error })
      // Once more later, with what came meanwhile.
      for (const { period, reported, records } of some)
        for (const record of records) this.#add(period, reported, record)
      this.#arm()
    }
  }
}

/** No more records of a domain at a time than a commit takes. */
function commitsOf({ period, reported, records }: Counted): readonly CountedDomain[] {
  const all = [...records.values()].map(({ record, count }) => ({ ...record, count }))
  const parts: CountedDomain[] = []
  for (let i = 0; i < all.length; i += perCommit)
    parts.push({ period, reported, records: all.slice(i, i + perCommit) })
  return parts
}
