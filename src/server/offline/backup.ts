/**
 * A copy of a data directory that may be in use: as after a start at one moment, which is the engine's last
 * checkpoint, a second or two ago.
 *
 * Why that is whole: rows are in the engine only when the segments that they name are synced, segments are only ever
 * appended to, and what nobody owns stays for an hour before it goes. So the rows are taken first, as the engine's
 * own snapshot, and the segments after them. The journal is not copied: a server that runs has little in it that is
 * not in the engine, and where none runs it is emptied first, as by a start.
 *
 * The target is empty, or a copy that was made before: then only segments that are new or longer are copied. It says
 * that it is a copy, and is one only when it says which engine it has: that is written last.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { copyFile, rename, stat, utimes } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Worker } from 'node:worker_threads'
import { syncDirectory } from '#base/sync-directory.ts'
import { listSegments, segmentPath } from '#blob/engines/segments.ts'
import { copyLmdb } from '#kv/engines/lmdb.ts'
import { copySqlite } from '#kv/engines/sqlite.ts'
import { Advice } from '../terminal/advice.ts'
import { DirectoryInUse, lockDirectory } from '../store/data-directory.ts'
import { chooseEngine } from '../store/engine-choice.ts'
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
  const store = join(target, 'STORE')
  using _targetLock = lockTarget(target)
  using _lock = await settle(directory, o)
  const engine = chooseEngine(directory, 'lmdb')
  rmSync(store, { force: true })
  writeFileSync(join(target, marker), 'Made by postern backup.\n', { flush: true })
  await copyRows(engine, join(directory, 'rows'), join(target, 'rows'))
  const result = await copySegments(join(directory, 'blobs'), join(target, 'blobs'), o)
  await copyFile(join(directory, 'STORE'), store)
  syncFile(store)
  syncDirectory(target)
  return result
}

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

/** What a start on the earlier copy may have left there belongs to its rows, and goes with them. */
async function copyRows(engine: 'lmdb' | 'sqlite', rows: string, target: string): Promise<void> {
  for (const part of [target, join(target, '../journal')]) rmSync(part, { recursive: true, force: true })
  mkdirSync(target, { mode: 0o700 })
  await (engine === 'sqlite' ? copySqlite(rows, target) : copyLmdb(rows, target))
  for (const name of readdirSync(target)) syncFile(join(target, name))
  syncDirectory(target)
}

async function copySegments(blobs: string, target: string, o: BackupOptions): Promise<BackupResult> {
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
  const there = new Set(segments)
  for (const segment of listSegments(target)) if (!there.has(segment)) rmSync(segmentPath(target, segment))
  syncDirectory(target)
  return { files: segments.length, copied, copiedBytes }
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
