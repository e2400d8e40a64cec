/**
 * The calls to the file system that this process makes below one directory: counted, recorded for `Disk`, and
 * made to fail at a chosen one. A write that fails has written half of its bytes before. What a failed sync was
 * about never becomes durable by a later one: the system may have dropped it and taken it for written.
 */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { dirname, relative } from 'node:path'
import { Disk } from './disk.ts'

export interface Failure {
  /** The number of the call, from 1. */
  readonly at: number
  /** Also every later call of that name. */
  readonly lasts: boolean
  /** EIO where it is left out. */
  readonly code?: 'EIO' | 'ENOSPC'
}

const failing = [
  'openSync',
  'writeSync',
  'writevSync',
  'fsyncSync',
  'fdatasyncSync',
  'renameSync',
  'unlinkSync',
] as const
type CallName = (typeof failing)[number]
type Write = (fd: number, ...rest: unknown[]) => number

const {
  openSync,
  writeSync,
  writevSync,
  fsyncSync,
  fdatasyncSync,
  renameSync,
  unlinkSync,
  mkdirSync,
  closeSync,
} = fs
const original = {
  openSync,
  writeSync,
  writevSync,
  fsyncSync,
  fdatasyncSync,
  renameSync,
  unlinkSync,
  mkdirSync,
  closeSync,
}

export class FailingDisk implements Disposable {
  /** What a cut of power would leave is known from it. */
  readonly disk: Disk
  /** The calls so far, as `name path`. */
  readonly calls: string[] = []
  readonly #directory: string
  readonly #paths = new Map<number, string>()
  #failure: Failure | undefined
  readonly #code: string
  #lasting: CallName | undefined
  #at = 0

  /** The directory is empty. */
  constructor(directory: string, failure?: Failure) {
    this.#directory = directory
    this.#failure = failure
    this.#code = failure?.code ?? 'EIO'
    this.disk = new Disk(directory)
    Object.assign(fs, {
      mkdirSync: (path: string, o: object) => this.#mkdir(path, o),
      openSync: (path: string, flags: string | number, mode: number) => this.#open(path, flags, mode),
      writeSync: (fd: number, data: Buffer, from = 0, length = data.length - from, position = 0) =>
        this.#write('writeSync', fd, [data.subarray(from, from + length)], position),
      writevSync: (fd: number, data: Buffer[], position: number) =>
        this.#write('writevSync', fd, data, position),
      fsyncSync: (fd: number) => this.#sync('fsyncSync', fd),
      fdatasyncSync: (fd: number) => this.#sync('fdatasyncSync', fd),
      renameSync: (from: string, to: string) => this.#rename(from, to),
      unlinkSync: (path: string) => this.#unlink(path),
      closeSync: (fd: number) => {
        this.#paths.delete(fd)
        original.closeSync(fd)
      },
    })
    syncBuiltinESMExports()
  }

  /** What has failed until now does so no more. */
  heal(): void {
    this.#lasting = undefined
  }

  /** Nothing fails any more. */
  mend(): void {
    this.#failure = undefined
    this.#lasting = undefined
  }

  get openFiles(): readonly string[] {
    return [...this.#paths.values()]
  }

  [Symbol.dispose](): void {
    Object.assign(fs, original)
    syncBuiltinESMExports()
  }

  /** True where the call is to fail; the path is undefined for what lies elsewhere. */
  #fails(name: CallName, path: string | undefined): boolean {
    if (path === undefined) return false
    this.calls.push(`${name} ${relative(this.#directory, path)}`)
    if (this.calls.length === this.#failure?.at) {
      if (this.#failure.lasts) this.#lasting = name
      return true
    }
    return this.#lasting === name
  }

  #ours(path: string): string | undefined {
    return path === this.#directory || path.startsWith(`${this.#directory}/`) ? path : undefined
  }

  #mkdir(path: string, o: object): void {
    const missing: string[] = []
    for (let at = path; this.#ours(at) !== undefined && !fs.existsSync(at); at = dirname(at))
      missing.unshift(at)
    original.mkdirSync(path, o)
    for (const made of missing) this.disk.apply({ kind: 'mkdir', path: made, at: ++this.#at })
  }

  #open(path: string, flags: string | number, mode: number): number {
    if (this.#fails('openSync', this.#ours(path))) throw this.#failed('openSync', path)
    const isNew = !fs.existsSync(path)
    const fd = original.openSync(path, flags, mode)
    if (this.#ours(path) === undefined) return fd
    this.#paths.set(fd, path)
    if (isNew) this.disk.apply({ kind: 'create', path, at: ++this.#at })
    return fd
  }

  #write(name: 'writeSync' | 'writevSync', fd: number, parts: Buffer[], position: number): number {
    const path = this.#paths.get(fd)
    const write = original.writeSync as Write
    const whole = Buffer.concat(parts)
    const isFailing = this.#fails(name, path)
    const data = isFailing ? whole.subarray(0, whole.length >> 1) : whole
    write(fd, data, 0, data.length, position)
    if (path !== undefined && data.length > 0)
      this.disk.apply({ kind: 'write', path, offset: position, data, isSynced: false, at: ++this.#at })
    if (isFailing) throw this.#failed(name, path!)
    return data.length
  }

  #sync(name: 'fsyncSync' | 'fdatasyncSync', fd: number): void {
    const path = this.#paths.get(fd)
    // A real sync would only take time: what it is for is in the model.
    if (path === undefined) return original[name](fd)
    const since = ++this.#at
    if (this.#fails(name, path)) {
      this.disk.loseUnsynced(path)
      throw this.#failed(name, path)
    }
    this.disk.apply({ kind: 'sync', path, since, at: since })
  }

  #rename(from: string, to: string): void {
    if (this.#fails('renameSync', this.#ours(to))) throw this.#failed('renameSync', to)
    original.renameSync(from, to)
    if (this.#ours(to) !== undefined) this.disk.apply({ kind: 'rename', path: from, to, at: ++this.#at })
  }

  #unlink(path: string): void {
    if (this.#fails('unlinkSync', this.#ours(path))) throw this.#failed('unlinkSync', path)
    original.unlinkSync(path)
    if (this.#ours(path) !== undefined) this.disk.apply({ kind: 'unlink', path, at: ++this.#at })
  }

  #failed(name: CallName, path: string): Error {
    return Object.assign(new Error(`${this.#code}: ${name} '${path}'`), { code: this.#code, path })
  }
}
