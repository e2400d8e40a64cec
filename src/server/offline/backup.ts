/**
 * A copy of a data directory that may be in use: as after a start at one moment, which is the engine's last
 * checkpoint, a second or two ago.
 *
 * Why that is whole: rows are in the engine only when the segments that they name are synced, segments are only ever
 * appended to, and what nobody owns stays for an hour before it goes. So the rows are taken first, as the engine's
 * own snapshot, and the segments after them. The journal is not copied: a server that runs has little in it that is
 * not in the engine, and where none runs it is emptied first, as by a start.
 *
 * The target is empty, or a copy that was made before: then only segments that are new or longer are copied, and it
 * stays that copy until this one is whole. Its rows wait beside the earlier ones and take their place at the end,
 * and what the earlier ones name is there until then. It says that it is a copy, and is one only when it says which
 * engine it has.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { copyFile, rename, stat, utimes } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import type { Worker } from 'node:worker_threads'
import { syncDirectory } from '#base/sync-directory.ts'
import { listSegments, segmentPath } from '#blob/engines/segments.ts'
import { copyLmdb } from '#kv/engines/lmdb.ts'
import { copySqlite } from '#kv/engines/sqlite.ts'
import { Advice } from '../terminal/advice.ts'
import { DirectoryInUse, lockDirectory } from '../store/data-directory.ts'
import { chooseEngine, type EmbeddedEngine } from '../store/engine-choice.ts'
import { CommitterThread } from '../store/store.ts'
import type { CommitterData } from '../threads.ts'

export interface BackupOptions {
  readonly spawn: (data: CommitterData) => Worker
  /** Told often; says how far it is. */
  readonly progress: (text: string) => void
}

export interface BackupResult {
  /** Files of message bytes: all, and those that were copied this time. */
  readonly files: number
  readonly copied: number
  readonly copiedBytes: number
}

const marker = 'COPY'

/** Throws Advice where it cannot be, errors of the file system. Afterwards the target is durable. */
export async function backUp(directory: string, target: string, o: BackupOptions): Promise<BackupResult> {
  if (!existsSync(join(directory, 'STORE')))
    throw new Advice(`There is no mail store in ${directory}. Name its directory with --data DIR.`)
  if (resolve(directory) === resolve(target)) throw new Advice(`${target} is what is to be copied.`)
  using _targetLock = lockTarget(target)
  using _lock = await settle(directory, o)
  const engine = chooseEngine(directory, 'lmdb')
  const [store, storeThere] = [join(directory, 'STORE'), join(target, 'STORE')]
  if (wasStarted(target)) rmSync(storeThere, { force: true })
  writeFileSync(join(target, marker), 'Made by postern backup.\n', { flush: true })
  const waiting = join(target, 'rows.new')
  await copyRows(engine, join(directory, 'rows'), waiting)
  const result = await copySegments(join(directory, 'blobs'), join(target, 'blobs'), o)
  // For the blink of an eye it is no copy, where the earlier one is of another kind.
  if (existsSync(storeThere) && !readFileSync(store).equals(readFileSync(storeThere))) rmSync(storeThere)
  replaceRows(waiting, join(target, 'rows'))
  await replaceStore(store, storeThere)
  removeOthers(join(target, 'blobs'), result.segments)
  return { files: result.segments.length, copied: result.copied, copiedBytes: result.copiedBytes }
}

/** A server was started on the copy, and what it did is not only in the rows: it is no copy any more. */
const wasStarted = (target: string): boolean =>
  filesOf(join(target, 'journal')).length > 0 ||
  filesOf(join(target, 'rows')).some(
    (name) => name.endsWith('-wal') && statSync(join(target, 'rows', name)).size > 0,
  )

const filesOf = (directory: string): readonly string[] =>
  existsSync(directory) ? readdirSync(directory) : []

/** Only one copies to it, and no server runs on it; what is there is an earlier copy. */
function lockTarget(target: string): Disposable {
  const isOther = existsSync(target) && !existsSync(join(target, marker)) && readdirSync(target).length > 0
  if (isOther) throw new Advice(`${target} holds something else than a copy: name a directory that is empty.`)
  return lockDirectory(target)
}

/** Where no server runs, none can start until the end, and what a crash left is brought to its place. */
async function settle(directory: string, o: BackupOptions): Promise<Disposable | undefined> {
  let lock: Disposable
  try {
    lock = lockDirectory(directory)
  } catch (error) {
    if (error instanceof DirectoryInUse) return undefined
    throw error
  }
  const engine = chooseEngine(directory, 'lmdb')
  const committer = await CommitterThread.open(
    { directory, engine, reserveBytes: 0 },
    o.spawn({ role: 'committer' }),
  )
  await committer.end()
  return lock
}

async function copyRows(engine: EmbeddedEngine, rows: string, target: string): Promise<void> {
  rmSync(target, { recursive: true, force: true })
  mkdirSync(target, { recursive: true, mode: 0o700 })
  await (engine === 'sqlite' ? copySqlite(rows, target) : copyLmdb(rows, target))
  for (const name of readdirSync(target)) syncFile(join(target, name))
  syncDirectory(target)
}

/** The file of the rows takes the place of the earlier one at once. What lay beside that one belongs to it. */
function replaceRows(waiting: string, rows: string): void {
  rmSync(join(rows, '../journal'), { recursive: true, force: true })
  mkdirSync(rows, { recursive: true, mode: 0o700 })
  for (const name of filesOf(rows)) if (/-(wal|shm|lock)$/.test(name)) rmSync(join(rows, name))
  const names = filesOf(waiting)
  for (const name of names) renameSync(join(waiting, name), join(rows, name))
  for (const name of filesOf(rows)) if (!names.includes(name)) rmSync(join(rows, name))
  syncDirectory(rows)
  rmSync(waiting, { recursive: true })
}

async function replaceStore(from: string, to: string): Promise<void> {
  const draft = `${to}.new`
  await copyFile(from, draft)
  syncFile(draft)
  renameSync(draft, to)
  syncDirectory(join(to, '..'))
}

interface CopiedSegments extends Omit<BackupResult, 'files'> {
  readonly segments: readonly number[]
}

async function copySegments(blobs: string, target: string, o: BackupOptions): Promise<CopiedSegments> {
  mkdirSync(target, { recursive: true, mode: 0o700 })
  const segments = listSegments(blobs)
  let copied = 0
  let copiedBytes = 0
  for (const [i, segment] of segments.entries()) {
    o.progress(`${i} of ${segments.length} files of messages`)
    const bytes = await copySegment(segmentPath(blobs, segment), segmentPath(target, segment))
    if (bytes > 0) copied++
    copiedBytes += bytes
  }
  syncDirectory(target)
  return { segments, copied, copiedBytes }
}

/** Those that only the earlier copy had, and drafts of copies that failed. */
function removeOthers(target: string, segments: readonly number[]): void {
  const there = new Set(segments.map((segment) => basename(segmentPath(target, segment))))
  for (const name of readdirSync(target))
    if (/\.seg(\.new)?$/.test(name) && !there.has(name)) rmSync(join(target, name))
  syncDirectory(target)
}

/** The bytes that were copied; none where the copy is as long and as old. */
async function copySegment(from: string, to: string): Promise<number> {
  try {
    const { size, atime, mtime } = await stat(from)
    const before = statSync(to, { throwIfNoEntry: false })
    if (before?.size === size && before.mtimeMs === Math.floor(mtime.getTime())) return 0
    const draft = `${to}.new`
    await copyFile(from, draft)
    await utimes(draft, atime, mtime)
    syncFile(draft)
    await rename(draft, to)
    return size
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || existsSync(from)) throw error
    throw new Advice('Mail was cleared away while it was copied: copy again.', { cause: error })
  }
}

function syncFile(path: string): void {
  const fd = openSync(path, 'r+')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
