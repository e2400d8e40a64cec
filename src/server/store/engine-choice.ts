/**
 * Which engine a data directory has. The directory says itself what it holds (`STORE`: engine and format
 * version), and that always wins over the configuration, so that mail never vanishes behind an empty store.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { syncDirectory } from '#base/sync-directory.ts'
import { Advice } from '../terminal/advice.ts'

const engines = ['lmdb', 'sqlite'] as const
export type EmbeddedEngine = (typeof engines)[number]

/** Raised when an older release could no longer read what a newer one writes. */
const formatVersion = 1

/**
 * The engine of this directory, which is created for `wanted` where it is new. Throws Advice where it does not say
 * what it holds, or says what this release cannot read.
 */
export function chooseEngine(directory: string, wanted: EmbeddedEngine): EmbeddedEngine {
  const file = join(directory, 'STORE')
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  if (existsSync(file)) return readEngine(directory, file)
  if (holdsRows(directory))
    throw new Advice(
      `${directory} holds mail, but its file STORE is missing, which says how: copy it from a backup.`,
    )
  // It gets its name when it is whole and on disk: a cut of power leaves all of it or none.
  const unfinished = `${file}.new`
  writeFileSync(unfinished, `${JSON.stringify({ engine: wanted, format: formatVersion })}\n`, {
    flush: true,
  })
  renameSync(unfinished, file)
  syncDirectory(directory)
  return wanted
}

/** `rows.new`: of a copy that was not finished (`offline/backup.ts`). */
const holdsRows = (directory: string): boolean =>
  ['rows', 'rows.new']
    .map((name) => join(directory, name))
    .some((rows) => existsSync(rows) && readdirSync(rows).length > 0)

function readEngine(directory: string, file: string): EmbeddedEngine {
  const { engine, format } = parse(readFileSync(file, 'utf8'))
  if (typeof format !== 'number' || typeof engine !== 'string')
    throw new Advice(`${file} is damaged: copy it from a backup.`)
  if (format > formatVersion)
    throw new Advice(
      `${directory} was written by a newer Postern (format ${format}, this one reads ${formatVersion}): install that release or restore a backup.`,
    )
  const known = engines.find((one) => one === engine)
  if (known === undefined)
    throw new Advice(`${directory} is kept with ${JSON.stringify(engine)}, which this Postern does not know.`)
  return known
}

function parse(text: string): { readonly engine?: unknown; readonly format?: unknown } {
  try {
    return { ...(JSON.parse(text) as object) }
  } catch {
    return {}
  }
}
