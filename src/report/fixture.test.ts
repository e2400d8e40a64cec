/** A store, a clock that stands, a DNS of data, for the tests of this folder. */
import { asBuffer } from '#base/bytes.ts'
import { fixedClock } from '#base/clock.ts'
import type { AccountId } from '#base/id.ts'
import { parseIp } from '#base/ip.ts'
import { parseStructure } from '#message/mime.ts'
import { MemoryBlobs } from '#blob/engines/memory.ts'
import { LocalBus } from '#bus/engines/local.ts'
import { KvDb } from '#kv/db.ts'
import { MemoryEngine } from '#kv/engines/memory.ts'
import { ownerKinds } from '#kv/blob-rows.ts'
import { type TaskRow, taskTable } from '#kv/task-rows.ts'
import { MessageVerifier } from '#mailauth/message-verifier.ts'
import { QueueIds } from '#queue/enqueue.ts'
import { queueSettings } from '#queue/settings.ts'
import { queuedMessageTable, queuedRecipientTable } from '#queue/tables.ts'
import { LiveSettings } from '#registry/live.ts'
import { TaskScheduler } from '#tasks/scheduler.ts'
import { silentTelemetry, type Telemetry } from '#telemetry/telemetry.ts'
import { AuthZone, type ZoneData } from '../../test/harness/auth-zone.ts'
import type { CheckedMessage } from './aggregate-record.ts'
import { sendAggregateTask } from './aggregate-sender.ts'
import { analyseTask } from './analysis.ts'
import { analyseName, IncomingReports } from './incoming.ts'
import { FailureReporter } from './failure-reporter.ts'
import { Outbox, type OutboxOptions } from './outbox.ts'
import { ReportRecorder } from './recorder.ts'
import { dmarcReportSettings, reportSettings } from './settings.ts'
import { pendingRecordTable, pendingReportTable, reportPeriodTable } from './tables.ts'

export const startedAt = Date.UTC(2026, 2, 4, 5, 6, 7)
export const hour = 3_600_000

export interface Told {
  readonly event: string
  readonly [field: string]: unknown
}

export const zone: ZoneData = {
  'sender.example': [{ MX: [10, 'mx.sender.example'] }, { TXT: 'v=spf1 ip4:192.0.2.1 -all' }],
  '_dmarc.sender.example': [{ TXT: 'v=DMARC1; p=reject; sp=quarantine; rua=mailto:dmarc@sender.example' }],
}

export function makeReports(
  o: { config?: string; zone?: ZoneData } & Partial<Pick<OutboxOptions, 'keysOf'>> = {},
) {
  const blobs = new MemoryBlobs()
  const bus = new LocalBus({
    onError: (error) => {
      throw error
    },
  })
  const db = new KvDb(new MemoryEngine(blobs), bus)
  const clock = fixedClock(startedAt)
  const told: Told[] = []
  const telemetry: Telemetry = {
    ...silentTelemetry,
    emit: (kind, values) => void told.push({ event: kind.name, ...values }),
  }
  const settings = new LiveSettings([...queueSettings, reportSettings, dmarcReportSettings] as never)
  if (o.config !== undefined) settings.loadText(o.config, 'test.toml')
  const resolver = new AuthZone({ ...zone, ...o.zone })
  const deps = { db, blobs, bus, clock, settings, telemetry, resolver }
  const outbox = new Outbox({
    ...deps,
    ids: new QueueIds(),
    hostname: () => 'mx.example.org',
    defaultDomain: () => 'example.org',
    keysOf: o.keysOf ?? (() => []),
  })
  const recorder = new ReportRecorder(deps)
  const failures = new FailureReporter({
    ...deps,
    outbox,
    hostname: () => 'mx.example.org',
    userAgent: 'Postern/1',
  })
  const kinds = [sendAggregateTask({ ...deps, outbox, generator: 'Postern 1' }), analyseTask(deps)]
  /** A time later all that is due is done. */
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms)
    await using scheduler = new TaskScheduler({ ...deps, kinds })
    await scheduler.kick()
  }
  const rows = () =>
    db.read(async (tx) => ({
      reports: await tx.list(pendingReportTable, []),
      records: await tx.list(pendingRecordTable, []),
      periods: await tx.list(reportPeriodTable, []),
      tasks: (await tx.list(taskTable, [])).map(([[at], row]): [number, TaskRow] => [at, row]),
      queued: await tx.list(queuedMessageTable, []),
      recipients: await tx.list(queuedRecipientTable, []),
    }))
  /** The messages of the queue, as they go out. */
  const sent = async (): Promise<readonly Buffer[]> => {
    const { queued } = await rows()
    const read = queued.map(async ([, { blob, sizeBytes }]) =>
      asBuffer(await blobs.readRange(blob, 0, sizeBytes)),
    )
    return Promise.all(read)
  }
  const incoming = new IncomingReports(settings)
  /** Takes mail in, as the commit that accepts it does; whether it was recognised. */
  const arrive = async (text: string | Buffer, to: readonly string[] = ['postmaster@example.org']) => {
    const bytes = Buffer.from(text)
    const stager = blobs.stager({ maxBytes: bytes.length })
    await stager.write(bytes)
    const staged = await stager.finish()
    const o = { blob: staged.hash, receivedAt: clock.now(), dmarc: 'pass' }
    const analysis = incoming.recognise(to, parseStructure(bytes), o)
    await db.write([], async (tx) => {
      tx.attach(staged, { account: 0 as AccountId, kind: ownerKinds.queue, id: ++mails })
      if (analysis !== undefined) tx.schedule(analyseName, analysis, clock.now())
    })
    return analysis !== undefined
  }
  let mails = 0
  return { ...deps, told, outbox, recorder, failures, pass, rows, sent, arrive }
}

/** A message of `from`, checked. */
export async function checked(
  resolver: AuthZone,
  from: string,
  o: { ip?: string; sender?: string; header?: string; applied?: CheckedMessage['applied'] } = {},
): Promise<CheckedMessage> {
  const origin = {
    ip: parseIp(o.ip ?? '192.0.2.1')!,
    helo: 'client.example',
    sender: o.sender ?? from,
  }
  const verifier = new MessageVerifier({
    origin,
    wanted: { iprev: false, spfHelo: false, spf: true, dkim: true, arc: false, dmarc: true, bimi: false },
    resolver,
    receiver: 'mx.example.org',
    nowMs: startedAt,
    signal: new AbortController().signal,
    known: new Map() as never,
    dkim: { maxSignatures: 10, strict: true },
    trustedSealers: [],
    bimi: { fetchDocument: async () => undefined, trustedRoots: () => [] },
  })
  const header = Buffer.from(`From: ${from}\r\nSubject: hello\r\n${o.header ?? ''}\r\n`)
  verifier.header(header)
  const applied = o.applied ?? 'none'
  return { verdict: await verifier.end(), origin, applied, isTaken: true, header, receivedAt: startedAt }
}
