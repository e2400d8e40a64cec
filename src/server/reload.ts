/**
 * Reading the settings again, by SIGHUP or through the API. Everything is looked at before anything changes:
 * one wrong value, or a port that cannot be had, leaves all as it was.
 */
import { isFault } from '#base/fault.ts'
import type { Db } from '#kv/db.ts'
import type { LiveSettings } from '#registry/live.ts'
import { readStoredSettings } from '#registry/settings-rows.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import { settingsRefused, settingsReloaded, settingsWarning } from './events.ts'
import { certificateWarnings } from './listeners/certificates.ts'
import type { SettingsFollower } from './listeners/follow-settings.ts'
import type { ListenerSet } from './listeners/listener-set.ts'
import { planListeners } from './listeners/listener-plans.ts'
import type { WorkerThread } from './worker-thread.ts'

export interface ReloadReport {
  /** Why nothing was changed; empty where all was taken. */
  readonly errors: readonly string[]
  /** Names of objects of which anything changed. */
  readonly changed: readonly string[]
  readonly warnings: readonly string[]
  /** Fields, as `Object.field`, whose change takes effect at the next start only. */
  readonly restart: readonly string[]
}

export interface ReloaderOptions {
  readonly settings: LiveSettings
  readonly db: Db
  readonly listeners: ListenerSet
  readonly follower: SettingsFollower
  readonly telemetry: Telemetry
  readonly threads: () => readonly WorkerThread[]
}

export class Reloader {
  readonly #o: ReloaderOptions
  #running: Promise<unknown> = Promise.resolve()

  constructor(o: ReloaderOptions) {
    this.#o = o
  }

  /** One after the other. */
  reload(): Promise<ReloadReport> {
    const run = this.#running.then(() => this.#reload())
    this.#running = run
    return run
  }

  async #reload(): Promise<ReloadReport> {
    const { telemetry } = this.#o
    const report = await this.#change()
    for (const text of report.warnings) telemetry.emit(settingsWarning, { text })
    if (report.errors.length > 0) telemetry.emit(settingsRefused, { reason: report.errors.join('\n') })
    else telemetry.emit(settingsReloaded, { changed: report.changed, nextStart: report.restart })
    return report
  }

  async #change(): Promise<ReloadReport> {
    const { settings, db, listeners, follower, threads } = this.#o
    try {
      const { layer, problems } = await db.read((tx) => readStoredSettings(tx, settings.objects))
      const prepared = settings.prepareReload(layer)
      const { plans, warnings } = planListeners(prepared.settings)
      const errors = await listeners.probe(plans)
      if (errors.length > 0) return refused(errors)
      prepared.commit()
      const elsewhere = threads().map((thread) => thread.reload(settings.file))
      const undone = await Promise.all([follower.settled(), ...elsewhere])
      const { changed, restart } = prepared
      const odd = [
        ...problems.map((problem) => problem.text),
        ...warnings,
        ...certificateWarnings(settings),
        ...new Set(undone.flat()),
      ]
      return { errors: [], changed, restart, warnings: [...prepared.warnings, ...odd] }
    } catch (error) {
      if (!isFault(error)) throw error
      return refused(error.publicText.split('\n'))
    }
  }
}

const refused = (errors: readonly string[]): ReloadReport => ({
  errors,
  changed: [],
  warnings: [],
  restart: [],
})
