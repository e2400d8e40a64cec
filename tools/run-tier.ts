/**
 * Runs programs on behalf of `npm test`: each in a process group of its own with a time limit, its output
 * passed through. What must hold: whatever happens to the program, there is a result, and a program that died
 * or gave no totals has failed.
 */
import { spawn } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import path from 'node:path'
import { type TestTier } from './tiers.ts'
import { root } from './tree.ts'

export interface FileTime {
  /** From the root of the repository. */
  readonly name: string
  readonly elapsedMs: number
}

export interface TierTotals {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** Those of the skipped that wanted a program which apt-get installs. */
  readonly missing?: number
  /** The files whose tests took longest, at most ten. */
  readonly slowest?: readonly FileTime[]
}

/** Which skips are failures: of programs that were to be installed, or all. */
export type Strictness = 'none' | 'programs' | 'all'

export interface TierResult extends TierTotals {
  readonly name: string
  /** Why it did not run, or what went wrong with the tier as a whole. */
  readonly remark: string | undefined
  readonly elapsedMs: number
}

/** Takes what a program writes to stdout. */
export type Print = (chunk: Uint8Array) => void

export interface Ended {
  readonly how: 'exit' | 'signal' | 'timeout'
  readonly code: number
  readonly stdout: string
}

/** Runs a Node program. `print` gets its stdout as it comes. */
export function runNode(
  args: readonly string[],
  o: { timeoutMs: number; print: Print; env?: { readonly [name: string]: string } },
): Promise<Ended> {
  const { NODE_TEST_CONTEXT: _, ...environment } = process.env // with it a test runner inside a test does nothing
  const child = spawn(process.execPath, args, {
    cwd: root,
    detached: true, // a group of its own, so that nothing it started outlives it
    env: { ...environment, ...o.env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const stopGroup = (signal: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, signal)
    } catch {
      // the group is gone already
    }
  }
  const stopAndLeave = () => {
    stopGroup('SIGKILL')
    setImmediate(() => process.exit(130)) // after the others of this kind
  }
  process.once('SIGINT', stopAndLeave)
  process.once('SIGTERM', stopAndLeave)
  let timedOut = false
  const timer = setTimeout(() => {
    timedOut = true
    stopGroup('SIGKILL')
  }, o.timeoutMs)
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    o.print(chunk)
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', () => setTimeout(() => stopGroup('SIGKILL'), 500).unref())
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      process.off('SIGINT', stopAndLeave)
      process.off('SIGTERM', stopAndLeave)
      stopGroup('SIGKILL')
      const how = timedOut ? 'timeout' : signal === null ? 'exit' : 'signal'
      resolve({ how, code: code ?? 1, stdout: Buffer.concat(chunks).toString('utf8') })
    })
  })
}

/** The test files of a tier, from the root of the repository. */
export function filesOf(tier: TestTier, folder = root): readonly string[] {
  const exclude = tier.exclude === undefined ? {} : { exclude: [...tier.exclude] }
  return globSync([...tier.include], { cwd: folder, ...exclude }).toSorted((a, b) => (a < b ? -1 : 1))
}

/** The ten that took longest, the longest first. */
export function slowestOf(files: readonly FileTime[]): readonly FileTime[] {
  return files.toSorted((a, b) => b.elapsedMs - a.elapsedMs).slice(0, 10)
}

export interface TierOptions {
  /** Makes skips failures. */
  readonly strict: Strictness
  readonly print: Print
  /** Of the tests, beside those of this process. */
  readonly env?: { readonly [name: string]: string }
}

/** Runs test files. */
export async function runTier(tier: TestTier, files: readonly string[], o: TierOptions): Promise<TierResult> {
  const started = performance.now()
  const result = (totals: TierTotals, remark?: string): TierResult => ({
    name: tier.name,
    ...totals,
    remark,
    elapsedMs: performance.now() - started,
  })
  if (files.length === 0) return result({ passed: 0, failed: 0, skipped: 0 }, 'no test files')
  const count = Math.min(tier.shares ?? 1, files.length)
  const shares = Array.from({ length: count }, (_, share) => files.filter((_, i) => i % count === share))
  return result(...add(await Promise.all(shares.map((share) => runFiles(tier, share, o)))))
}

type Verdict = readonly [totals: TierTotals, remark?: string | undefined]

/** The verdict on a tier from those on its processes. */
function add(verdicts: readonly Verdict[]): Verdict {
  const sum = (count: 'passed' | 'failed' | 'skipped') =>
    verdicts.reduce((total, [totals]) => total + totals[count], 0)
  const slowest = slowestOf(verdicts.flatMap(([totals]) => totals.slowest ?? []))
  const remark = verdicts.find(([, one]) => one !== undefined)?.[1]
  return [{ passed: sum('passed'), failed: sum('failed'), skipped: sum('skipped'), slowest }, remark]
}

/** Runs test files with one test runner. */
async function runFiles(tier: TestTier, files: readonly string[], o: TierOptions): Promise<Verdict> {
  const folder = mkdtempSync(path.join(tmpdir(), 'postern-tier-'))
  const totalsFile = path.join(folder, 'totals.json')
  try {
    const reporter = import.meta.resolve('./tier-reporter.ts')
    // One hanging test of a shared process is named and left behind; alone it may take what the tier has.
    const testTimeoutMs = tier.isolation === 'none' ? Math.min(180_000, tier.budgetMs) : tier.budgetMs
    const flags = [
      '--test',
      `--test-isolation=${tier.isolation}`,
      `--test-timeout=${testTimeoutMs}`,
      // One more than there are processors: such tests wait half the time, for disks and for other processes.
      `--test-concurrency=${availableParallelism() + 1}`,
      `--test-reporter=${reporter}`,
    ]
    const ended = await runNode([...flags, ...files], {
      timeoutMs: tier.budgetMs,
      print: o.print,
      env: { ...o.env, POSTERN_TIER_TOTALS: totalsFile },
    })
    return judge(ended, readTotals(totalsFile), tier.budgetMs, o.strict)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function readTotals(file: string): TierTotals | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as TierTotals
  } catch {
    return undefined
  }
}

/** The verdict on a tier whose process has ended. */
export function judge(
  ended: Ended,
  totals: TierTotals | undefined,
  budgetMs: number,
  strict: Strictness,
): Verdict {
  const known = totals ?? { passed: 0, failed: 0, skipped: 0 }
  const broken = { ...known, failed: known.failed + 1 }
  if (ended.how === 'timeout') return [broken, `not done after ${budgetMs / 1000} s, stopped`]
  if (ended.how === 'signal' || totals === undefined) return [broken, 'the test process died']
  if (ended.code !== 0 && totals.failed === 0) return [broken, `the test process ended with ${ended.code}`]
  const forbidden = { none: 0, programs: totals.missing ?? 0, all: totals.skipped }[strict]
  if (forbidden > 0) {
    const failed = totals.failed + forbidden
    return [{ ...totals, failed, skipped: totals.skipped - forbidden }, 'here these may not be skipped']
  }
  return [totals]
}
