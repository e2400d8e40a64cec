/**
 * Keeps a worker's settings as the store has them: read when it starts, and again whenever anybody says that
 * they changed.
 */
import type { Bus } from '#bus/bus.ts'
import type { Db } from '#kv/db.ts'
import type { LiveSettings } from './live.ts'
import { readStoredSettings } from './settings-rows.ts'

/** Reads what the store has. Returns warnings about what cannot be used. */
export async function takeStoredSettings(db: Db, settings: LiveSettings): Promise<readonly string[]> {
  const { layer, problems } = await db.read((tx) => readStoredSettings(tx, settings.objects))
  const prepared = settings.prepare({ stored: layer })
  prepared.commit()
  return [...problems.map((problem) => problem.text), ...prepared.warnings]
}

/** `onError`: the store could not be read; what was in force stays so. */
export function followStoredSettings(o: {
  db: Db
  bus: Bus
  settings: LiveSettings
  onError: (error: unknown) => void
}): Disposable {
  let isReading = false
  let isStale = false
  const read = async (): Promise<void> => {
    isReading = true
    try {
      for (isStale = true; isStale;) {
        isStale = false
        await takeStoredSettings(o.db, o.settings)
      }
    } catch (error) {
      o.onError(error)
    } finally {
      isReading = false
    }
  }
  return o.bus.on('settings', () => {
    isStale = true
    if (!isReading) void read()
  })
}
