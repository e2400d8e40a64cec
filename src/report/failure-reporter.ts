/**
 * Sends failure reports about single messages (RFC 9991), where administrators want that: such a report shows the
 * header of a message to whoever the domain in its From field names.
 *
 * What must hold: no message waits for it; each address gets so many a day at most, over all workers; what is
 * under way is bounded, and what comes beyond is left out. What a crash loses is lost.
 */
import { randomBytes } from 'node:crypto'
import type { Clock } from '#base/clock.ts'
import type { Db } from '#kv/db.ts'
import type { WriteTx } from '#kv/tx.ts'
import { DmarcRecords } from '#mailauth/dmarc-tree-walk.ts'
import { checkDestination } from '#mailauth/report-destination.ts'
import type { AuthResolver } from '#mailauth/resolver.ts'
import { decodeHeaderText } from '#message/encoded-word.ts'
import { composeFeedbackReport } from '#message/feedback-report.ts'
import { fieldValue } from '#message/headers.ts'
import type { Settings } from '#settings/object.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import type { CheckedMessage } from './aggregate-record.ts'
import { destinationRefused, failureRateLimited, failureSent, failureUnsent } from './events.ts'
import { failureFields, reportedHeader, type WantedFailure, wantedFailure } from './failure-report.ts'
import type { Outbox } from './outbox.ts'
import { dmarcReportSettings } from './settings.ts'
import { failureCountTable } from './tables.ts'

const dayMs = 86_400_000
const mostWaiting = 100
const atOnce = 2
const mostLookingMs = 20_000
const longestSubject = 200

export interface FailureReporterOptions {
  readonly db: Db
  readonly clock: Clock
  readonly settings: Pick<Settings, 'get'>
  readonly telemetry: Telemetry
  readonly resolver: AuthResolver
  readonly outbox: Outbox
  readonly hostname: () => string
  /** Name and version, with a slash between. */
  readonly userAgent: string
}

export class FailureReporter implements AsyncDisposable {
  readonly #o: FailureReporterOptions
  readonly #stop = new AbortController()
  readonly #waiting: WantedFailure[] = []
  readonly #running = new Set<Promise<void>>()

  constructor(o: FailureReporterOptions) {
    this.#o = o
  }

  /** At once, and never throws. */
  record(message: CheckedMessage): void {
    const { failureSend, failuresPerDay } = this.#o.settings.get(dmarcReportSettings)
    if (!failureSend || failuresPerDay === 0 || this.#waiting.length >= mostWaiting) return
    const wanted = wantedFailure(message)
    if (wanted === undefined) return
    this.#waiting.push(wanted)
    this.#begin()
  }

  /** Settled when all that was wanted so far is done. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#waiting.length = 0
    this.#stop.abort()
    await this.settled()
  }

  #begin(): void {
    while (this.#running.size < atOnce) {
      const wanted = this.#waiting.shift()
      if (wanted === undefined) return
      const work = this.#send(wanted)
        .catch((error: unknown) => this.#failed(wanted, error))
        .finally(() => {
          this.#running.delete(work)
          this.#begin()
        })
      this.#running.add(work)
    }
  }

  #failed({ policyDomain }: WantedFailure, error: unknown): void {
    if (!this.#stop.signal.aborted) this.#o.telemetry.emit(failureUnsent, { domain: policyDomain, error })
  }

  async #send(wanted: WantedFailure): Promise<void> {
    const { policyDomain, to } = wanted
    const { resolver, telemetry } = this.#o
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(mostLookingMs)])
    const records = new DmarcRecords(resolver, signal)
    for (const uri of to) {
      // Before anybody is asked: a flood of forged mail is the reason for the limit.
      if (await this.#isOverLimit(uri.address)) {
        telemetry.emit(failureRateLimited, { domain: policyDomain, to: uri.address })
        continue
      }
      const check = await checkDestination(policyDomain, 'ruf', uri, records)
      if (check.kind === 'allowed')
        for (const address of check.addresses) await this.#sendTo(wanted, address, signal)
      else telemetry.emit(destinationRefused, { domain: policyDomain, to: uri.uri, reason: check.reason })
    }
  }

  #today(): number {
    return Math.floor(this.#o.clock.now() / dayMs)
  }

  async #isOverLimit(address: string): Promise<boolean> {
    const { failuresPerDay } = this.#o.settings.get(dmarcReportSettings)
    const sent = await this.#o.db.read((tx) => tx.get(failureCountTable, this.#today(), address))
    return (sent ?? 0) >= failuresPerDay
  }

  async #sendTo(wanted: WantedFailure, address: string, signal: AbortSignal): Promise<void> {
    const { outbox, telemetry } = this.#o
    const { from } = await outbox.reporter()
    const made = await this.#compose(wanted, from, address, signal)
    // RFC 6591 §6.4.
    const outgoing = { ...made, author: from.address, envelopeFrom: '', to: [address] }
    const id = await outbox.send(outgoing, (tx) => this.#count(tx, address))
    const told = { domain: wanted.policyDomain, to: address }
    if (id === undefined) telemetry.emit(failureRateLimited, told)
    else telemetry.emit(failureSent, { ...told, failure: wanted.failure, queued: id })
  }

  async #count(tx: WriteTx, address: string): Promise<boolean> {
    const { failuresPerDay } = this.#o.settings.get(dmarcReportSettings)
    const key = [this.#today(), address] as const
    const sent = (await tx.get(failureCountTable, ...key)) ?? 0
    if (sent >= failuresPerDay) return false
    tx.put(failureCountTable, key, sent + 1)
    return true
  }

  async #compose(
    wanted: WantedFailure,
    from: { readonly name: string; readonly address: string },
    to: string,
    signal: AbortSignal,
  ) {
    const { clock, hostname, userAgent } = this.#o
    const { message, header, dmarc } = wanted
    const spfRecords = await this.#spfRecords(wanted, signal)
    const subject = decodeHeaderText(fieldValue(header, 'subject') ?? '').slice(0, longestSubject)
    const name = randomBytes(16).toString('hex')
    return composeFeedbackReport({
      from,
      to,
      messageId: `${name}@${hostname()}`,
      subject,
      at: clock.now(),
      text: [
        `This is a report of the mail server ${hostname()}`,
        `about a message in the name of ${dmarc.authorDomain} that failed authentication.`,
        '',
        `The DMARC record of ${wanted.policyDomain} asks for such reports.`,
      ],
      fields: failureFields(wanted, { hostname: hostname(), userAgent, spfRecords }),
      original: { kind: 'header', bytes: reportedHeader(message.header!) },
      boundary: `=_${name}`,
    })
  }

  /** RFC 9991 §4 wants it where SPF failed; it was asked for just now, so the resolver remembers it. */
  async #spfRecords({ message: { verdict } }: WantedFailure, signal: AbortSignal) {
    const { spf } = verdict
    if (spf?.domain === undefined || spf.result === 'pass' || spf.result === 'none') return []
    const { domain } = spf
    const found = await this.#o.resolver.resolve(domain, 'TXT', { signal })
    if (found.kind !== 'answer') return []
    return found.records
      .map(({ strings }) => Buffer.concat(strings).toString('latin1'))
      .filter((record) => /^v=spf1(?: |$)/i.test(record))
      .slice(0, 1)
      .map((record) => ({ domain, record }))
  }
}

/** Removes some of days that are over; false where there were none. */
export async function trimFailureCounts(tx: WriteTx, nowMs: number, limit: number): Promise<boolean> {
  const rows = await tx.list(failureCountTable, [], { limit })
  const old = rows.filter(([[day]]) => day < Math.floor(nowMs / dayMs))
  for (const [key] of old) tx.delete(failureCountTable, key)
  return old.length > 0
}
