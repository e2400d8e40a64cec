/**
 * The way of a report into the queue: signed where its sender has keys, and in the commit that ends what it was
 * made of, so that a crash leaves either both or neither.
 *
 * What must hold: nobody is told where a report cannot be delivered, and no report is about one of these.
 */
import type { Clock } from '#base/clock.ts'
import { splitAddress } from '#base/domain-name.ts'
import type { AccountId } from '#base/id.ts'
import type { Maybe } from '#base/maybe.ts'
import type { BlobStore } from '#blob/store.ts'
import type { Bus } from '#bus/bus.ts'
import type { Db } from '#kv/db.ts'
import type { WriteTx } from '#kv/tx.ts'
import { type DkimSigningKey, DkimSigner } from '#mailauth/dkim-sign.ts'
import { enqueue, type QueueIds } from '#queue/enqueue.ts'
import { scheduleOf } from '#queue/settings.ts'
import { type QueueId, queueIdText } from '#queue/tables.ts'
import type { Settings } from '#settings/object.ts'
import { dmarcReportSettings, reportSettings } from './settings.ts'

export interface OutboxOptions {
  readonly db: Db
  readonly blobs: Pick<BlobStore, 'stager'>
  readonly bus: Bus
  readonly clock: Clock
  readonly settings: Settings
  readonly ids: QueueIds
  readonly hostname: () => string
  /** The first domain of this server, where it has one. */
  readonly defaultDomain: () => Maybe<string | undefined>
  /** DKIM keys of a domain of ours. */
  readonly keysOf: (domain: string) => Maybe<readonly DkimSigningKey[]>
}

/** In whose name reports go out. */
export interface Reporter {
  readonly orgName: string
  /** What we call ourselves as a receiver of mail. */
  readonly submitter: string
  readonly from: { readonly name: string; readonly address: string }
}

export interface OutgoingReport {
  /** The address in From. */
  readonly author: string
  /** The reverse-path. */
  readonly envelopeFrom: string
  readonly to: readonly string[]
  readonly bytes: Buffer
  readonly is8bit: boolean
  readonly needsUtf8: boolean
}

export class Outbox {
  readonly #o: OutboxOptions

  constructor(o: OutboxOptions) {
    this.#o = o
  }

  async reporter(): Promise<Reporter> {
    const { settings, hostname, defaultDomain } = this.#o
    const general = settings.get(reportSettings)
    const dmarc = settings.get(dmarcReportSettings)
    const submitter = general.outboundReportSubmitter ?? hostname()
    const domain = general.outboundReportDomain ?? (await defaultDomain()) ?? submitter
    return {
      orgName: dmarc.aggregateOrgName ?? domain,
      submitter,
      from: {
        name: dmarc.aggregateFromName,
        address: dmarc.aggregateFromAddress ?? `noreply-dmarc@${domain}`,
      },
    }
  }

  /**
   * `settle` is a part of the commit and says whether the report is still to be sent; it may run again. Returns
   * under what id it waits, undefined where it was not to be sent any more.
   */
  async send(report: OutgoingReport, settle: (tx: WriteTx) => Promise<boolean>): Promise<string | undefined> {
    const { db, blobs, bus, clock, ids, settings } = this.#o
    const signed = Buffer.concat([await this.#signatures(report), report.bytes])
    const stager = blobs.stager({ maxBytes: signed.length })
    try {
      await stager.write(signed)
      const staged = await stager.finish()
      const now = clock.now()
      const { expireMs } = scheduleOf(settings, 'report')
      const id = await db.write([], async (tx): Promise<QueueId | undefined> => {
        if (!(await settle(tx))) return undefined
        return enqueue(
          tx,
          ids,
          staged,
          {
            before: '',
            added: {},
            is8bit: report.is8bit,
            needsUtf8: report.needsUtf8,
            from: report.envelopeFrom,
            source: 'report',
            account: 0 as AccountId,
            receivedAt: now,
            heldUntil: 0,
          },
          report.to.map((address) => ({ address, notify: [], queue: 'report', expiresAt: now + expireMs })),
        )
      })
      if (id === undefined) return undefined
      bus.publish({ kind: 'queue', message: id })
      return queueIdText(id)
    } finally {
      await stager.abort()
    }
  }

  async #signatures({ author, bytes }: OutgoingReport): Promise<Buffer> {
    const domain = splitAddress(author)?.domain
    const keys = domain === undefined ? [] : await this.#o.keysOf(domain)
    const bodyAt = bytes.indexOf('\r\n\r\n') + 4
    const signer = new DkimSigner({ keys, nowMs: this.#o.clock.now() })
    signer.header(bytes.subarray(0, bodyAt - 2))
    signer.body(bytes.subarray(bodyAt))
    return signer.end()
  }
}
