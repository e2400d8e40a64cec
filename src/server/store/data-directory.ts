/**
 * The data directory belongs to one running server. The lock is the operating system's, on an open file, so it
 * goes with the process however that ends, and a crash leaves nothing to clean up.
 */
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Advice } from '../terminal/advice.ts'

export class DirectoryInUse extends Advice {
  constructor(directory: string) {
    super(
      `Another Postern is running on ${directory}.\n` +
        'Stop it first, or give this one a data directory of its own with --data DIR.',
    )
    this.name = 'DirectoryInUse'
  }
}

/** Takes the directory, which is made where it is missing. Throws DirectoryInUse where another process has it. */
export function lockDirectory(directory: string): Disposable {
  makeDirectory(directory)
  if (!statSync(directory).isDirectory())
    throw new Advice(`${directory} is no directory: name the one where mail is to be kept with --data DIR.`)
  // Node has no file locks of its own; SQLite's exclusive lock on a file that nobody else opens is one.
  const file = join(directory, 'lock')
  let lock: DatabaseSync
  try {
    lock = new DatabaseSync(file)
  } catch (cause) {
    throw new Advice(
      `${file} cannot be opened: start as the owner of the directory, or name another with --data.`,
      { cause },
    )
  }
  try {
    lock.exec('PRAGMA busy_timeout=0; PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch (error) {
    lock.close()
    if ((error as { errcode?: number }).errcode === sqliteBusy) throw new DirectoryInUse(directory)
    throw error
  }
  return { [Symbol.dispose]: () => lock.close() }
}

// Node's own recursive way tries for ever in a place like /proc, which exists and takes nothing.
function makeDirectory(path: string): void {
  if (existsSync(path)) return
  makeDirectory(dirname(path))
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

const sqliteBusy = 5
