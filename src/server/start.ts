/**
 * Starts a whole server in this process: settings, lock, committer, workers, listeners, administrator; and
 * ends it again. Where a step fails, what was begun is undone and nothing stays open.
 *
 * What must always hold: nothing is accepted before it can be kept, and nothing that was acknowledged depends
 * on how the server ends.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setAdminPassword } from '#account/administrator.ts'
import { removeAdminToken, writeAdminToken } from '#admin/admin-token.ts'
import type { ServerFacts } from '#admin/server-facts.ts'
import { systemClock } from '#base/clock.ts'
import { LocalBus } from '#bus/engines/local.ts'
import { type CertificatePair, CertificateSet } from '#net/certificate-set.ts'
import { troubleTeller } from '#net/trouble.ts'
import { readProcessGauges } from '#observe/process-gauges.ts'
import { ServerTelemetry } from '#observe/telemetry.ts'
import { LiveSettings } from '#registry/live.ts'
import { deliverChunkTask } from '#smtp/server/chunk.ts'
import { TaskScheduler } from '#tasks/scheduler.ts'
import { buildProtocols, buildServices, type WorkerOptions } from './boot.ts'
import { eventKinds, gaugeKinds, settingsObjects } from './catalog.ts'
import { loadCertificate } from './certificates.ts'
import { lockDirectory } from './data-directory.ts'
import * as events from './events.ts'
import { AdministratorSignIn } from './fallback-admin.ts'
import { firstAdminPassword } from './first-run.ts'
import { purgeAccountTask, scheduleSweep, sweepTask } from './housekeeping.ts'
import {
  drainListeners,
  factsOf,
  type ListenerPlan,
  type OpenListener,
  openListeners,
  planListeners,
  probePorts,
} from './listeners.ts'
import { keepLogs } from './logs.ts'
import { buildManagement } from './management.ts'
import { composeMetrics, countWaiting } from './metrics.ts'
import { dataRetention, systemSettings } from './settings.ts'
import { openStorage, storageWarnings } from './storage.ts'
import type { EmbeddedEngine } from './engine-choice.ts'
import type { Spawn } from './threads.ts'
import { version } from './version.ts'
import { buildWeb } from './web.ts'
import { WorkerThread } from './worker-thread.ts'

export interface StartOptions {
  /** Absolute. */
  readonly directory: string
  readonly configPath: string | undefined
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly spawn: Spawn
  /** A thread failed that the server cannot do without: the process must end. */
  readonly onFailure: (error: unknown) => void
}

export interface RunningServer {
  readonly facts: ServerFacts
  readonly engine: EmbeddedEngine
  readonly workers: number
  readonly telemetry: ServerTelemetry
  /** Only at the first start. */
  readonly adminPassword: string | undefined
  /** Reads the settings again; refused ones leave everything as it was. */
  reload(): void
  /** Takes nothing new, gives sessions so long to finish, closes everything. */
  stop(why: string, deadlineMs: number): Promise<void>
}

/** What all later steps stand on. */
interface Ground extends WorkerOptions {
  readonly settings: LiveSettings
  readonly telemetry: ServerTelemetry
  readonly plans: readonly ListenerPlan[]
  readonly workers: number
  readonly hostname: string
  readonly certificate: CertificatePair
  readonly ticketKeys: Buffer
  newThread(): Promise<WorkerThread>
}

/** What changes while the server runs. */
interface Live {
  open: readonly OpenListener[]
  threads: readonly WorkerThread[]
  notReady: string | undefined
}

/** Throws Advice, and Faults of the configuration. */
export async function startServer(o: StartOptions): Promise<RunningServer> {
  await using undo = new AsyncDisposableStack()
  const startedAtMs = systemClock.now()
  const ground = await layGround(o, undo)
  const { settings, telemetry, plans, workers, hostname } = ground
  const services = undo.use(buildServices(ground))
  const { db } = services.store
  const protocols = undo.use(buildProtocols(ground, services))
  const live: Live = { open: [], threads: [], notReady: 'the server is starting' }
  const facts = (): ServerFacts => ({
    version,
    hostName: hostname,
    startedAtMs,
    listeners: factsOf(live.open),
    selfSigned: true,
  })
  const { hasher, passwords, signIn, accounts } = services
  const http = buildWeb({
    telemetry,
    accounts,
    management: buildManagement({ db, clock: systemClock, telemetry, accounts, passwords }),
    signIn: new AdministratorSignIn({ settings, signIn, passwords: hasher, telemetry }),
    adminToken: await writeAdminToken(o.directory),
    setAdminPassword: (password) =>
      setAdminPassword({ db, passwords, clock: systemClock, telemetry }, password),
    facts,
    metrics: () => composeMetrics(telemetry, live.threads),
    notReady: async () => live.notReady,
  })
  undo.defer(() => removeAdminToken(o.directory))
  undo.use(readProcessGauges(telemetry))
  undo.use(telemetry.gauge(events.queueMessages, () => countWaiting(db)))
  undo.use(startTasks(ground, services))
  // Disposed first, so that nothing below is in use any more.
  undo.defer(async () => void (await endSessions(live, 0)))
  live.open = await openListeners(plans, {
    protocols: { ...protocols, http },
    certificates: new CertificateSet([ground.certificate]),
    ticketKeys: ground.ticketKeys,
    reusePort: workers > 1,
    onTrouble: troubleTeller(telemetry, systemClock),
  })
  live.threads = await Promise.all(Array.from({ length: workers - 1 }, () => ground.newThread()))
  const adminPassword = await firstAdminPassword(settings, services, systemClock)
  live.notReady = undefined
  const everything = undo.move()
  return {
    facts: facts(),
    engine: ground.engine,
    workers,
    telemetry,
    adminPassword,
    reload: () => reload(settings, telemetry, live.threads),
    async stop(why, deadlineMs) {
      telemetry.emit(events.serverStopping, { why })
      const began = systemClock.now()
      live.notReady = 'the server is stopping'
      const cutSessions = await endSessions(live, deadlineMs)
      telemetry.emit(events.serverStopped, { cutSessions, elapsed: systemClock.now() - began })
      await everything.disposeAsync()
    },
  }
}

/** Settings, logs, lock, storage, certificate, bus. */
async function layGround(o: StartOptions, undo: AsyncDisposableStack): Promise<Ground> {
  const settings = new LiveSettings(settingsObjects, o.environment)
  const { warnings } = o.configPath === undefined ? { warnings: [] } : settings.load(o.configPath)
  const telemetry = new ServerTelemetry({ events: eventKinds, gauges: gaugeKinds }, systemClock)
  undo.use(keepLogs(settings, telemetry))
  const { plans, warnings: skipped } = planListeners(settings)
  const { defaultHostname: hostname, threadPoolSize: workers } = settings.get(systemSettings)

  undo.use(lockDirectory(o.directory))
  if (workers > 1) await probePorts(plans)
  const [{ engine, committer }, certificate] = await Promise.all([
    openStorage(o.directory, settings, o.spawn),
    loadCertificate(o.directory, hostname, systemClock),
  ])
  undo.defer(() => committer.end())
  committer.onError(o.onFailure)
  committer.onTrouble((trouble) => telemetry.emit(events.storageTrouble, { trouble }))
  for (const text of [...warnings, ...skipped, ...storageWarnings(settings, engine)])
    telemetry.emit(events.settingsWarning, { text })

  const busChannel = `postern-${randomUUID()}`
  const ticketKeys = randomBytes(48)
  const bus = undo.use(
    new LocalBus({
      ...(workers > 1 ? { channelName: busChannel } : {}),
      onError: (error) => telemetry.emit(events.busHandlerFailed, { error }),
    }),
  )
  const { directory, configPath, spawn } = o
  const shared = { directory, engine, spawn, certificate, ticketKeys }
  return {
    ...shared,
    line: committer.line(),
    bus,
    settings,
    telemetry,
    clock: systemClock,
    plans,
    workers,
    hostname,
    newThread: () =>
      WorkerThread.start(
        { directory, engine, certificate, ticketKeys, configPath, busChannel, line: committer.line() },
        { spawn, onFailure: o.onFailure },
      ),
  }
}

/** Durable background work, on the main worker only. */
function startTasks(ground: Ground, services: ReturnType<typeof buildServices>): AsyncDisposable {
  const { bus, clock, telemetry, directory, settings } = ground
  const { db, blobs } = services.store
  const deliverChunks = deliverChunkTask({
    blobs,
    telemetry,
  })
  const sweep = sweepTask({
    blobDirectory: join(directory, 'blobs'),
    keepChanges: () => settings.get(dataRetention).maxChangesHistory,
    keepAudit: () => settings.get(dataRetention).holdAuditFor,
    clock,
    telemetry,
  })
  const kinds = [deliverChunks, sweep, purgeAccountTask({ telemetry })]
  const scheduler = new TaskScheduler({ db, bus, clock, telemetry, kinds })
  const begun = scheduleSweep(db, clock).then(() => scheduler.kick())
  // Next time then; a store that cannot be written says so wherever mail comes in.
  begun.catch(() => undefined)
  return scheduler
}

/** How many sessions were cut off at the deadline. */
async function endSessions(live: Live, deadlineMs: number): Promise<number> {
  const { open, threads } = live
  live.threads = []
  const cut = await Promise.all([
    drainListeners(open, deadlineMs),
    ...threads.map((thread) => thread.stop(deadlineMs)),
  ])
  return cut.reduce((a, b) => a + b, 0)
}

function reload(settings: LiveSettings, telemetry: ServerTelemetry, threads: readonly WorkerThread[]): void {
  try {
    const { warnings, restart } = settings.reload()
    for (const text of warnings) telemetry.emit(events.settingsWarning, { text })
    telemetry.emit(events.settingsReloaded, { nextStart: restart })
  } catch (error) {
    telemetry.emit(events.settingsRefused, { reason: (error as Error).message })
    return
  }
  for (const thread of threads) thread.reload()
}
