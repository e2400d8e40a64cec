/** Running programs of others, and finding out whether they are there. */
import { spawn } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import path from 'node:path'
import { files, type Program } from './debian-packages.ts'

/** Where the program is; undefined where it is not there. */
export function locate(program: string): string | undefined {
  const file = files[program]
  if (file !== undefined) return existsSync(file) ? file : undefined
  const folders = (process.env['PATH'] ?? '').split(path.delimiter).filter((folder) => folder !== '')
  return folders.map((folder) => path.join(folder, program)).find(isExecutable)
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Test options: skipped, with the reason, where a program is missing. */
export function needs(...programs: readonly Program[]): { skip: string | false } {
  const missing = programs.filter((program) => locate(program) === undefined)
  if (missing.length === 0) return { skip: false }
  return { skip: `${missing.join(', ')} not found: test/interop/setup.ts brings what is missing, as root` }
}

export interface RunOptions {
  readonly input?: string | Uint8Array
  readonly environment?: Readonly<Record<string, string>>
  readonly folder?: string
  /** Exit codes that are no failure; without it 0 only. */
  readonly codes?: readonly number[]
}

export interface Ran {
  readonly code: number
  readonly stdout: Buffer
  readonly stderr: string
}

/** A guard against programs that hang; no test depends on how long it is. */
const hangMs = 180_000

/** Runs a program to its end. Rejects with all it printed where it ends with another code than expected. */
export async function run(program: string, args: readonly string[], o: RunOptions = {}): Promise<Ran> {
  const child = spawn(program, args, {
    cwd: o.folder,
    env: { ...process.env, LC_ALL: 'C.UTF-8', ...o.environment },
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: hangMs,
    killSignal: 'SIGKILL',
  })
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
  child.stdin.on('error', () => {}) // one that does not read its input says why in its exit code
  child.stdin.end(o.input)
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (exit) => resolve(exit ?? -1))
  })
  const ran = { code, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString('utf8') }
  if ((o.codes ?? [0]).includes(code)) return ran
  const shown = [ran.stdout.toString('utf8').slice(-3000), ran.stderr.slice(-3000)].join('\n')
  throw new Error(`${program} ${args.join(' ').slice(0, 500)}: ended with ${code}\n${shown}`)
}
