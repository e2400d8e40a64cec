/**
 * A folder that is the whole file system of an unpacked program (`unpack.ts`), with users of its own and nothing
 * of the machine's: as many as one likes at the same time, whatever paths the program has built in. Needs root,
 * for chroot.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { type Program, rootOf, unpacked } from './debian-packages.ts'

export class Root implements AsyncDisposable {
  readonly #folder: string
  readonly #daemon: string
  readonly #users: Readonly<Record<string, number>>
  #child: ChildProcess | undefined
  #signal: NodeJS.Signals = 'SIGTERM'
  #output = ''

  /** `users` besides root: names, with the number of each as a user and as a group. */
  constructor(program: Program, users: Readonly<Record<string, number>>) {
    this.#daemon = unpacked[program]![0]
    this.#users = users
    // Beside what is unpacked, so that links do in place of copies.
    this.#folder = mkdtempSync(join(dirname(rootOf(program)), 'root-'))
    execFileSync('cp', ['--archive', '--link', `${rootOf(program)}/.`, this.#folder])
    const all = Object.entries({ root: 0, ...users })
    this.write('/etc/passwd', all.map(([name, id]) => `${name}:x:${id}:${id}::/:/bin/sh\n`).join(''))
    this.write('/etc/group', all.map(([name, id]) => `${name}:x:${id}:\n`).join(''))
    this.write('/etc/hosts', '127.0.0.1 localhost\n')
    // No device, which a container may not make: what is written there stays there.
    this.write('/dev/null', '', { mode: 0o666 })
    this.makeFolder('/run')
    this.makeFolder('/tmp')
    chmodSync(this.path('/tmp'), 0o1777)
  }

  /** As the machine sees it. */
  path(inside: string): string {
    return join(this.#folder, inside)
  }

  makeFolder(path: string, user = 'root'): void {
    mkdirSync(this.path(path), { recursive: true })
    this.#give(path, user)
  }

  write(path: string, text: string, { mode = 0o644, user = 'root' } = {}): void {
    const file = this.path(path)
    mkdirSync(dirname(file), { recursive: true })
    // One that is there is other roots' too.
    rmSync(file, { force: true })
    writeFileSync(file, text)
    chmodSync(file, mode)
    this.#give(path, user)
  }

  /** Empty where there is no such file yet. */
  read(path: string): string {
    return existsSync(this.path(path)) ? readFileSync(this.path(path), 'latin1') : ''
  }

  /** All that the daemon printed. */
  get output(): string {
    return this.#output
  }

  /** The daemon, which has to stay in the foreground; `signal` ends it. */
  start(args: readonly string[], signal: NodeJS.Signals = 'SIGTERM'): void {
    this.#signal = signal
    const child = spawn('chroot', [this.#folder, this.#daemon, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('latin1').on('data', (text: string) => (this.#output += text))
    this.#child = child
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#child
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      child.kill(this.#signal)
      await once(child, 'exit')
    }
    // A delivery under way may still write.
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 20 })
  }

  #give(path: string, user: string): void {
    const id = this.#users[user] ?? 0
    chownSync(this.path(path), id, id)
  }
}
