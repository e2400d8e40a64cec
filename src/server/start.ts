/**
 * Starts a whole server in this process: settings, lock, committer, workers, listeners, administrator; and
 * ends it again. Where a step fails, what was begun is undone and nothing stays open.
 *
 * What must always hold: nothing is accepted before it can be kept, and nothing that was acknowledged depends
 * on how the server ends.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { MessagePort, Worker } from 'node:worker_threads'
import { removeAdminToken, writeAdminToken } from '#admin/admin-token.ts'
import type { ServerFacts } from '#admin/server-facts.ts'
import { steadyClock, systemClock } from '#base/clock.ts'
import { LocalBus } from '#bus/engines/local.ts'
import { dkimRoundTask, followDkimTask, scheduleDkimRound } from '#cert/dkim-tasks.ts'
import { httpSettings } from '#http/settings.ts'
import { jmapSettings } from '#jmap/settings.ts'
import { type CertificatePair, CertificateSet } from '#net/certificate-set.ts'
import { troubleTeller } from '#net/trouble.ts'
import { readProcessGauges } from '#observe/process-gauges.ts'
import { ServerTelemetry } from '#observe/telemetry.ts'
import { followStoredSettings } from '#registry/follow-store.ts'
import { LiveSettings } from '#registry/live.ts'
import { submissionReportTask } from '#mail/submission/reports.ts'
import { uploadExpiryTask } from '#mail/upload-expiry.ts'
import { deliverChunkTask } from '#smtp/server/chunk.ts'
import { TaskScheduler } from '#tasks/scheduler.ts'
import { buildProtocols, buildServices } from './boot.ts'
import type { Services, WorkerOptions } from './services/services.ts'
import { eventKinds, gaugeKinds, settingsObjects } from './catalog.ts'
import {
  certificatePairs,
  certificateWarnings,
  loadSelfSigned,
  usesSelfSigned,
  watchExpiry,
} from './listeners/certificates.ts'
import { lockDirectory } from './store/data-directory.ts'
import * as events from './events.ts'
import { type FirstRun, firstRun } from './background/first-run.ts'
import { purgeAccountTask, recountTask, scheduleSweep, sweepTask } from './background/housekeeping.ts'
import { followSettings, type SettingsFollower } from './listeners/follow-settings.ts'
import { type ListenerPlan, planListeners } from './listeners/listener-plans.ts'
import { ListenerSet, type ListenerSetOptions } from './listeners/listener-set.ts'
import { startIndexing } from './background/indexing.ts'
import { keepLogs } from './logs.ts'
import { buildMainWeb } from './web/main-web.ts'
import { startPush } from './background/push.ts'
import { startQueue } from './background/queue.ts'
import { composeMetrics, countWaiting } from './metrics.ts'
import { probePorts } from './listeners/ports.ts'
import { Reloader, type ReloadReport } from './reload.ts'
import { reportTasks } from './background/reports.ts'
import { dataRetention, systemSettings } from './settings.ts'
import { openStorage, storageWarnings } from './store/storage.ts'
import { readStoreEarly } from './store/stored-settings.ts'
import type { EmbeddedEngine } from './store/engine-choice.ts'
import { limitsIn, newLimitMemory } from './services/process-limits.ts'
import type { Spawn, StoreLine } from './threads.ts'
import { version } from './version.ts'
import type { WebOptions } from './web/web.ts'
import { serveWebLine, type WebLineServices } from './web/web-line.ts'
import { WorkerThread } from './worker-thread.ts'

export interface StartOptions {
  /** Absolute. */
  readonly directory: string
  readonly configPath: string | undefined
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly spawn: Spawn
  /** A thread of that role, which has no store yet. */
  readonly committer: Worker
  /** A thread failed that the server cannot do without: the process must end. */
  readonly onFailure: (error: unknown) => void
}

export interface RunningServer extends FirstRun {
  readonly facts: ServerFacts
  /** Where others reach it over HTTP, if the settings say so. */
  readonly publicUrl: string | undefined
  readonly engine: EmbeddedEngine
  readonly workers: number
  readonly telemetry: ServerTelemetry
  /** Reads the settings again; refused ones leave everything as it was. Never rejects for what is in them. */
  reload(): Promise<ReloadReport>
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
  readonly selfSigned: CertificatePair
  readonly certificates: CertificateSet
  readonly ticketKeys: Buffer
  newThread(webLine: MessagePort): Promise<WorkerThread>
}

/** What changes while the server runs. */
interface Live {
  listeners: ListenerSet | undefined
  threads: readonly WorkerThread[]
  notReady: string | undefined
  reload: () => Promise<ReloadReport>
}

/** Throws Advice, and Faults of the configuration. */
export async function startServer(o: StartOptions): Promise<RunningServer> {
  await using undo = new AsyncDisposableStack()
  const startedAtMs = systemClock.now()
  const ground = await layGround(o, undo)
  const { settings, telemetry, plans, workers } = ground
  const services = undo.use(buildServices(ground))
  const protocols = undo.use(buildProtocols(ground, services))
  const live: Live = {
    listeners: undefined,
    threads: [],
    notReady: 'the server is starting',
    reload: async () => ({ errors: ['the server is starting'], changed: [], warnings: [], restart: [] }),
  }
  const facts = (): ServerFacts => factsOf(ground, live, startedAtMs)
  const { manager: queue } = undo.use(startQueue(ground, services))
  // Before anybody can ask whether it is paused.
  await queue.load()
  const web = buildMainWeb(ground, services, {
    queue,
    adminToken: await writeAdminToken(o.directory),
    facts,
    reload: () => live.reload(),
    metrics: () => composeMetrics(telemetry, live.threads),
    notReady: async () => live.notReady,
  })
  undo.defer(() => removeAdminToken(o.directory))
  undo.use(readProcessGauges(telemetry))
  undo.use(telemetry.gauge(events.queueMessages, () => countWaiting(services.store.db)))
  undo.use(startBackground(ground, services, web.jmap))
  // Disposed first, so that nothing below is in use any more.
  undo.defer(async () => void (await endSessions(live, 0)))
  const listeners = (live.listeners = newListeners(ground, { ...protocols, http: web.http }))
  for (const reason of await listeners.openAll(plans)) telemetry.emit(events.settingsNotApplied, { reason })
  const follower = undo.use(followAll(ground, services, listeners))
  live.threads = await startWorkers(ground, web)
  const first = await firstRun(settings, services, systemClock)
  live.notReady = undefined
  queue.kick()
  const reloader = new Reloader({
    ...ground,
    ...services.store,
    listeners,
    follower,
    threads: () => live.threads,
  })
  live.reload = () => reloader.reload()
  const stop = stopOf({ telemetry, live, queue, everything: undo.move() })
  return {
    get facts() {
      return facts()
    },
    get publicUrl() {
      return settings.get(httpSettings).publicUrl
    },
    engine: ground.engine,
    workers,
    telemetry,
    ...first,
    reload: live.reload,
    stop,
  }
}

const factsOf = ({ hostname, settings }: Ground, live: Live, startedAtMs: number): ServerFacts => ({
  version,
  hostName: hostname,
  startedAtMs,
  listeners: live.listeners?.facts ?? [],
  selfSigned: usesSelfSigned(settings),
})

/** All but the main one. */
const startWorkers = (ground: Ground, web: WebLineServices): Promise<WorkerThread[]> =>
  Promise.all(Array.from({ length: ground.workers - 1 }, () => ground.newThread(serveWebLine(web))))

function stopOf(o: {
  telemetry: Ground['telemetry']
  live: Live
  queue: AsyncDisposable
  everything: AsyncDisposableStack
}): RunningServer['stop'] {
  const { telemetry, live, queue, everything } = o
  return async (why, deadlineMs) => {
    telemetry.emit(events.serverStopping, { why })
    const began = systemClock.now()
    live.notReady = 'the server is stopping'
    // Both at once: each may take most of the time that there is.
    const [cutSessions] = await Promise.all([endSessions(live, deadlineMs), queue[Symbol.asyncDispose]()])
    telemetry.emit(events.serverStopped, { cutSessions, elapsed: systemClock.now() - began })
    await everything.disposeAsync()
  }
}

function newListeners(
  { certificates, ticketKeys, workers, processLimits, telemetry }: Ground,
  protocols: ListenerSetOptions['protocols'],
): ListenerSet {
  return new ListenerSet({
    protocols,
    certificates,
    ticketKeys,
    isShared: workers > 1,
    present: processLimits.connections,
    mayChoosePorts: true,
    onTrouble: troubleTeller(telemetry, steadyClock),
  })
}

/** Settings, logs, lock, storage, certificates, bus. */
async function layGround(o: StartOptions, undo: AsyncDisposableStack): Promise<Ground> {
  const { directory, spawn, onFailure } = o
  const settings = new LiveSettings(settingsObjects, o.environment)
  if (o.configPath !== undefined) settings.load(o.configPath)
  const telemetry = new ServerTelemetry({ events: eventKinds, gauges: gaugeKinds }, systemClock)
  undo.use(keepLogs(settings, telemetry))
  undo.use(lockDirectory(directory))
  const { engine, committer } = await openStorage(directory, settings, o.committer)
  undo.defer(() => committer.end())
  committer.onError(onFailure)
  committer.onTrouble((trouble) => telemetry.emit(events.storageTrouble, { trouble }))
  const { groups, missing } = committer.recovered
  if (groups > 0) telemetry.emit(events.storageRecovered, { commits: groups })
  if (missing > 0) telemetry.emit(events.journalGap, { commits: missing })
  const warnings = await readStoreEarly({ directory, engine, line: committer.line() }, settings)

  const { plans, warnings: skipped } = planListeners(settings)
  const { defaultHostname: hostname, threadPoolSize: workers } = settings.get(systemSettings)
  if (workers > 1) await probePorts(plans.filter(({ isStored }) => !isStored))
  const selfSigned = await loadSelfSigned(directory, hostname, systemClock)
  const odd = [
    ...warnings,
    ...skipped,
    ...certificateWarnings(settings),
    ...storageWarnings(settings, engine),
  ]
  for (const text of odd) telemetry.emit(events.settingsWarning, { text })

  const busChannel = `postern-${randomUUID()}`
  const ticketKeys = randomBytes(48)
  const bus = undo.use(
    new LocalBus({
      ...(workers > 1 ? { channelName: busChannel } : {}),
      onError: (error) => telemetry.emit(events.busHandlerFailed, { error }),
    }),
  )
  const limitMemory = newLimitMemory()
  const shared = { directory, engine, selfSigned, ticketKeys, limitMemory, busChannel }
  const newLine = (): StoreLine => committer.line()
  return {
    ...shared,
    spawn,
    processLimits: limitsIn(limitMemory),
    line: newLine(),
    bus,
    settings,
    telemetry,
    clock: systemClock,
    plans,
    workers,
    hostname,
    certificates: new CertificateSet(certificatePairs(settings, selfSigned)),
    newThread: (webLine) =>
      WorkerThread.start(
        { ...shared, file: settings.file, line: newLine(), earlyLine: newLine(), webLine },
        { spawn, onFailure },
      ),
  }
}

/** What follows from settings that change, on this worker. */
function followAll(
  { settings, bus, telemetry, clock, certificates, selfSigned }: Ground,
  { store }: Services,
  listeners: ListenerSet,
): SettingsFollower {
  const stack = new DisposableStack()
  const onProblem = (reason: string): void => telemetry.emit(events.settingsNotApplied, { reason })
  const follower = stack.use(followSettings({ settings, listeners, certificates, selfSigned, onProblem }))
  const onError = (error: unknown): void => telemetry.emit(events.busHandlerFailed, { error })
  stack.use(followStoredSettings({ db: store.db, bus, settings, onError }))
  stack.use(watchExpiry(settings, telemetry, clock))
  return { settled: () => follower.settled(), [Symbol.dispose]: () => stack.dispose() }
}

/** Durable background work, search indexes and messages to push services, on the main worker only. */
function startBackground(ground: Ground, services: Services, jmap: WebOptions['jmap']): AsyncDisposable {
  const stack = new AsyncDisposableStack()
  stack.use(startPush(ground, services, jmap))
  stack.use(startTasks(ground, services))
  stack.use(startIndexing(ground, services))
  return stack
}

function startTasks(ground: Ground, services: Services): AsyncDisposable {
  const { bus, clock, telemetry, directory, settings } = ground
  const { db, blobs } = services.store
  const deliverChunks = deliverChunkTask({
    blobs,
    telemetry,
  })
  const uploadTtl = (): number => settings.get(jmapSettings).uploadTtl
  const sweep = sweepTask({
    blobDirectory: join(directory, 'blobs'),
    keepChanges: () => settings.get(dataRetention).maxChangesHistory,
    keepAudit: () => settings.get(dataRetention).holdAuditFor,
    keepReports: () => settings.get(dataRetention).holdMtaReportsFor,
    keepUploads: uploadTtl,
    clock,
    telemetry,
  })
  const { dkimKeys: keys } = services
  const kinds = [
    deliverChunks,
    sweep,
    purgeAccountTask({ telemetry }),
    recountTask({ telemetry }),
    submissionReportTask({ blobs }),
    uploadExpiryTask({ clock, ttlMs: uploadTtl }),
    followDkimTask({ keys, clock }),
    dkimRoundTask({ keys, clock }),
    ...reportTasks(ground, services),
  ]
  const scheduler = new TaskScheduler({ db, bus, clock, telemetry, kinds })
  const begun = Promise.all([scheduleSweep(db, clock), scheduleDkimRound(db, clock)]).then(() =>
    scheduler.kick(),
  )
  // Next time then; a store that cannot be written says so wherever mail comes in.
  begun.catch(() => undefined)
  return scheduler
}

/** How many sessions were cut off at the deadline. */
async function endSessions(live: Live, deadlineMs: number): Promise<number> {
  const { listeners, threads } = live
  live.threads = []
  const cut = await Promise.all([
    listeners?.drain(deadlineMs) ?? 0,
    ...threads.map((thread) => thread.stop(deadlineMs)),
  ])
  return cut.reduce((a, b) => a + b, 0)
}
