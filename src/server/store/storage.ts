/** The storage side of a start: which engine, and its committer. */
import type { Worker } from 'node:worker_threads'
import type { LiveSettings } from '#registry/live.ts'
import { dataStore } from '../settings.ts'
import { chooseEngine, type EmbeddedEngine } from './engine-choice.ts'
import { CommitterThread } from './store.ts'

export interface Storage {
  readonly engine: EmbeddedEngine
  readonly committer: CommitterThread
}

/** Creates what is missing. Throws Advice where the directory is none that this release can read. */
export async function openStorage(
  directory: string,
  settings: LiveSettings,
  thread: Worker,
): Promise<Storage> {
  const { engine: wanted, reserve } = settings.get(dataStore)
  const engine = chooseEngine(directory, wanted === 'rocksdb' ? 'lmdb' : wanted)
  const committer = await CommitterThread.open({ directory, engine, reserveBytes: reserve }, thread)
  return { engine, committer }
}

/** Sentences about settings of the store that do not do what they seem to. */
export function storageWarnings(settings: LiveSettings, engine: EmbeddedEngine): readonly string[] {
  const { engine: wanted, blob, lookup, search } = settings.get(dataStore)
  const warnings: string[] = []
  if ([wanted, blob, lookup, search].includes('rocksdb')) {
    const where = settings.originOf(dataStore, 'engine') ?? 'storage'
    warnings.push(
      `${where}: "rocksdb" is not there yet; everything is kept in the data directory with ${engine}`,
    )
  }
  if (wanted !== 'rocksdb' && wanted !== engine && settings.originOf(dataStore, 'engine') !== undefined) {
    warnings.push(`the data directory was made with ${engine} and keeps it; "${wanted}" has no effect`)
  }
  return warnings
}
