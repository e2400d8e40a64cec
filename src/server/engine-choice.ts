/**
 * Which engine a data directory has. The directory says itself what it holds (`STORE`: engine and format
 * version), and that always wins over the configuration, so that mail never vanishes behind an empty store.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { syncDirectory } from '#base/sync-directory.ts'

export type EmbeddedEngine = 'lmdb' | 'sqlite'

/** Raised when an older release could no longer read what a newer one writes. */
const formatVersion = 1

/** The engine of this directory, which is created for `wanted` where it is new. */
export function chooseEngine(directory: string, wanted: EmbeddedEngine): EmbeddedEngine {
  const file = join(directory, 'STORE')
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  if (!existsSync(file)) {
    // It gets its name when it is whole and on disk: a cut of power leaves all of it or none.
    const unfinished = `${file}.new`
    writeFileSync(unfinished, `${JSON.stringify({ engine: wanted, format: formatVersion })}\n`, {
      flush: true,
    })
    renameSync(unfinished, file)
    syncDirectory(directory)
    return wanted
  }
  const { engine, format } = JSON.parse(readFileSync(file, 'utf8')) as {
    engine: EmbeddedEngine
    format: number
  }
  if (format > formatVersion) {
    throw new Error(
      `${directory} was written by a newer Postern (format ${format}, this one reads ${formatVersion}): install that release or restore a backup`,
    )
  }
  return engine
}
