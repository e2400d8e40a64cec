/**
 * Further protocol workers: threads that serve the same ports as the main one, each with its own handles to
 * the store. A worker does what the main thread says over its port: gives its numbers, reads the settings
 * again, ends. One that fails ends the process, since its clients' sessions are gone anyway.
 */
import { parentPort, type Worker } from 'node:worker_threads'
import { steadyClock, systemClock } from '#base/clock.ts'
import { LocalBus } from '#bus/engines/local.ts'
import { CertificateSet } from '#net/certificate-set.ts'
import { troubleTeller } from '#net/trouble.ts'
import type { Snapshot } from '#observe/meter.ts'
import { ServerTelemetry } from '#observe/telemetry.ts'
import { followStoredSettings } from '#registry/follow-store.ts'
import { type ConfigurationText, LiveSettings } from '#registry/live.ts'
import { buildJmap, buildProtocols, buildServices } from './boot.ts'
import { eventKinds, gaugeKinds, settingsObjects } from './catalog.ts'
import { certificatePairs } from './listeners/certificates.ts'
import { busHandlerFailed, settingsNotApplied, settingsRefused } from './events.ts'
import { followSettings, type SettingsFollower } from './listeners/follow-settings.ts'
import { planListeners } from './listeners/listener-plans.ts'
import { ListenerSet } from './listeners/listener-set.ts'
import { limitsIn } from './services/process-limits.ts'
import { keepLogs } from './logs.ts'
import { readStoreEarly } from './store/stored-settings.ts'
import type { Spawn, WorkerData } from './threads.ts'
import { buildWorkerWeb } from './web/web.ts'
import { WebLine } from './web/web-line.ts'

type WorkerOrder =
  | { readonly do: 'snapshot'; readonly id: number }
  | { readonly do: 'reload'; readonly id: number; readonly file: ConfigurationText | undefined }
  | { readonly do: 'drain'; readonly deadlineMs: number }

type WorkerReport =
  | { readonly kind: 'ready' }
  | { readonly kind: 'snapshot'; readonly id: number; readonly snapshot: Snapshot }
  | { readonly kind: 'reloaded'; readonly id: number; readonly problems: readonly string[] }
  | { readonly kind: 'drained'; readonly cut: number }

/** What the thread runs whose role is `worker`. */
export async function runWorker(data: WorkerData, spawn: Spawn): Promise<void> {
  const port = parentPort!
  const report = (message: WorkerReport): void => port.postMessage(message)
  const clock = systemClock
  await using stack = new AsyncDisposableStack()

  const settings = new LiveSettings(settingsObjects, process.env)
  if (data.file !== undefined) settings.prepare({ file: data.file }).commit()
  await readStoreEarly({ ...data, line: data.earlyLine }, settings)
  const telemetry = new ServerTelemetry({ events: eventKinds, gauges: gaugeKinds }, clock)
  stack.use(keepLogs(settings, telemetry))
  const onError = (error: unknown): void => telemetry.emit(busHandlerFailed, { error })
  const bus = stack.use(new LocalBus({ channelName: data.busChannel, onError }))
  const processLimits = limitsIn(data.limitMemory)
  const o = { ...data, bus, settings, telemetry, clock, spawn, processLimits }
  const services = stack.use(buildServices(o))
  const webLine = stack.use(new WebLine(data.webLine))
  const http = buildWorkerWeb({
    settings,
    telemetry,
    jmap: buildJmap(o, services, { elsewhere: webLine }),
    everythingElse: (c) => webLine.fetch(c),
  })
  const protocols = { ...stack.use(buildProtocols(o, services)), http }
  const certificates = new CertificateSet(certificatePairs(settings, data.selfSigned))
  const listeners = new ListenerSet({
    protocols,
    certificates,
    ticketKeys: Buffer.from(data.ticketKeys),
    isShared: true,
    present: processLimits.connections,
    mayChoosePorts: false,
    onTrouble: troubleTeller(telemetry, steadyClock),
  })
  await listeners.openAll(planListeners(settings).plans)
  const { selfSigned } = data
  const onProblem = (reason: string): void => telemetry.emit(settingsNotApplied, { reason })
  const follower = stack.use(followSettings({ settings, listeners, certificates, selfSigned, onProblem }))
  stack.use(followStoredSettings({ db: services.store.db, bus, settings, onError }))

  const { promise: drained, resolve: end } = Promise.withResolvers<number>()
  port.on('message', (order: WorkerOrder) => {
    switch (order.do) {
      case 'snapshot':
        void telemetry.snapshot().then((snapshot) => report({ kind: 'snapshot', id: order.id, snapshot }))
        break
      case 'reload':
        void reload(settings, telemetry, order.file, follower).then((problems) =>
          report({ kind: 'reloaded', id: order.id, problems }),
        )
        break
      case 'drain':
        void listeners.drain(order.deadlineMs).then(end)
    }
  })
  report({ kind: 'ready' })
  report({ kind: 'drained', cut: await drained })
  port.close()
}

/** The main thread has looked at all of it before. Resolves when it is in force, with what could not be. */
async function reload(
  settings: LiveSettings,
  telemetry: ServerTelemetry,
  file: ConfigurationText | undefined,
  follower: SettingsFollower,
): Promise<readonly string[]> {
  try {
    settings.prepare(file === undefined ? {} : { file }).commit()
    return await follower.settled()
  } catch (error) {
    const reason = (error as Error).message
    telemetry.emit(settingsRefused, { reason })
    return [reason]
  }
}

/** A worker as the main thread has it. */
export class WorkerThread {
  readonly #worker: Worker
  readonly #snapshots = new Map<number, (snapshot: Snapshot) => void>()
  readonly #reloads = new Map<number, (problems: readonly string[]) => void>()
  readonly #drained = Promise.withResolvers<number>()
  /** Its numbers when it last gave them. */
  #known: Snapshot | undefined
  #isEnding = false
  #lastId = 0

  private constructor(worker: Worker, onFailure: (error: unknown) => void) {
    this.#worker = worker
    worker.on('message', (report: WorkerReport) => this.#hear(report))
    worker.on('error', onFailure)
    worker.on('exit', () => {
      this.#drained.resolve(0)
      for (const settle of this.#reloads.values()) settle([])
      if (!this.#isEnding) onFailure(new Error('a worker ended'))
    })
  }

  /** Resolves when its listeners are open; rejects where it fails before. `onFailure` hears of later failures. */
  static async start(
    data: Omit<WorkerData, 'role'>,
    o: { spawn: Spawn; onFailure: (error: unknown) => void },
  ): Promise<WorkerThread> {
    const worker = o.spawn({ ...data, role: 'worker' })
    await new Promise<void>((resolve, reject) => {
      worker.once('message', () => resolve())
      worker.once('error', reject)
      worker.once('exit', () => reject(new Error('a worker ended before it was ready')))
    })
    worker.removeAllListeners('error')
    return new WorkerThread(worker, o.onFailure)
  }

  /** Its numbers; where it does not answer in time, those it gave before, since counters never go back. */
  snapshot(deadlineMs: number): Promise<Snapshot | undefined> {
    const id = ++this.#lastId
    return new Promise((resolve) => {
      const finish = (snapshot: Snapshot | undefined): void => {
        clearTimeout(timer)
        this.#snapshots.delete(id)
        resolve(snapshot)
      }
      const timer = setTimeout(() => finish(this.#known), deadlineMs)
      this.#snapshots.set(id, finish)
      this.#order({ do: 'snapshot', id })
    })
  }

  /** With the configuration as it is in force now. Resolves when it is in force there, with what could not be. */
  reload(file: ConfigurationText | undefined): Promise<readonly string[]> {
    const id = ++this.#lastId
    return new Promise((resolve) => {
      this.#reloads.set(id, resolve)
      this.#order({ do: 'reload', id, file })
    })
  }

  /** Ends it; how many sessions were cut off. */
  async stop(deadlineMs: number): Promise<number> {
    this.#isEnding = true
    const ended = new Promise<void>((resolve) => this.#worker.once('exit', () => resolve()))
    this.#order({ do: 'drain', deadlineMs })
    const cut = await this.#drained.promise
    await ended
    return cut
  }

  #order(order: WorkerOrder): void {
    this.#worker.postMessage(order)
  }

  #hear(report: WorkerReport): void {
    switch (report.kind) {
      case 'snapshot':
        this.#known = report.snapshot
        this.#snapshots.get(report.id)?.(report.snapshot)
        break
      case 'reloaded':
        this.#reloads.get(report.id)?.(report.problems)
        this.#reloads.delete(report.id)
        break
      case 'ready':
        break
      case 'drained':
        this.#isEnding = true
        this.#drained.resolve(report.cut)
    }
  }
}
