/** The settings that the store keeps, before anything is built on them. */
import { LocalBus } from '#bus/engines/local.ts'
import { takeStoredSettings } from '#registry/follow-store.ts'
import type { LiveSettings } from '#registry/live.ts'
import type { EmbeddedEngine } from './engine-choice.ts'
import { openStore } from './store.ts'
import type { StoreLine } from '../threads.ts'

/** Returns warnings about all settings: those of the file and the environment too. */
export async function readStoreEarly(
  o: { directory: string; engine: EmbeddedEngine; line: StoreLine },
  settings: LiveSettings,
): Promise<readonly string[]> {
  // Nothing is written over this handle, so nobody is told anything.
  using bus = new LocalBus({ onError: () => undefined })
  await using store = openStore({ ...o, bus, codec: 'none' })
  return await takeStoredSettings(store.db, settings)
}
