/**
 * Keeps a worker's settings as the store has them: read when it starts, and again whenever anybody says that
 * they changed.
 */
import type { Bus } from '#bus/bus.ts'
import type { Db } from '#kv/db.ts'
import type { LiveSettings } from './live.ts'
import { readStoredSettings, type StoredSettings } from './settings-rows.ts'

/** Reads what the store has. Returns warnings about what cannot be used. */
export async function takeStoredSettings(db: Db, settings: LiveSettings): Promise<readonly string[]> {
  const { layer, problems } = await read(db, settings)
  const prepared = settings.prepare({ stored: layer })
  prepared.commit()
  return [...problems.map((problem) => problem.text), ...prepared.warnings]
}

const read = (db: Db, settings: LiveSettings): Promise<StoredSettings> =>
  db.read((tx) => readStoredSettings(tx, settings.objects))

/** `onError`: the store could not be read; what was in force stays so. */
export function followStoredSettings(o: {
  db: Db
  bus: Bus
  settings: LiveSettings
  onError: (error: unknown) => void
}): Disposable {
  const { db, bus, settings } = o
  let isReading = false
  let isStale = false
  const readAgain = async (): Promise<void> => {
    isReading = true
    try {
      while (isStale) {
        isStale = false
        const { layer } = await read(db, settings)
        // What was read before the newest change must not come into force after it.
        if (!isStale) settings.prepare({ stored: layer }).commit()
      }
    } catch (error) {
      o.onError(error)
    } finally {
      isReading = false
    }
  }
  return bus.on('settings', () => {
    isStale = true
    if (!isReading) void readAgain()
  })
}
