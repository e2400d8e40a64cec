/**
 * `npm test`: the checks, then every tier of tools/tiers.ts, then a share of fuzzing. A tier ends with the files
 * that took 5 s or more, ten at most; the whole with a list of the tiers and, as the very last line, the totals. `--fast` runs the checks and the fast tiers only, `--tier
 * NAME` one tier. Exit code 1 on any failure.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import {
  type Ended,
  filesOf,
  runNode,
  runTier,
  type Strictness,
  type TierOptions,
  type TierResult,
} from './run-tier.ts'
import {
  checkBudgetMs,
  fuzzBudgetMs,
  fuzzGraceMs,
  leastFuzzMs,
  tiers,
  type TestTier,
  wholeBudgetMs,
} from './tiers.ts'
import { root } from './tree.ts'

const { values: options } = parseArgs({
  options: { fast: { type: 'boolean', default: false }, tier: { type: 'string' } },
})

const print = (chunk: Uint8Array) => void process.stdout.write(chunk)

function isWanted(name: string, fast: boolean): boolean {
  if (options.tier !== undefined) return options.tier === name
  return fast || !options.fast
}

/** A program that ends by printing "<n> passed, <n> failed". */
async function runProgram(name: string, args: readonly string[], timeoutMs: number): Promise<TierResult> {
  const started = performance.now()
  const { how, code, stdout } = await runNode(args, { timeoutMs, print })
  const counts = /(\d+) passed, (\d+) failed\s*$/.exec(stdout)
  const passed = Number(counts?.[1] ?? 0)
  const failed = Number(counts?.[2] ?? 0)
  const isBroken = how !== 'exit' || counts === null || (code !== 0 && failed === 0)
  return {
    name,
    passed,
    failed: isBroken ? failed + 1 : failed,
    skipped: 0,
    remark: isBroken ? `ended by ${how} with ${code}` : undefined,
    elapsedMs: performance.now() - started,
  }
}

// As root, where apt-get is, what the tests need is installed.
function maySetUp(): boolean {
  return process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')
}

/** What setups print and end with, by their script. They run beside the tiers that do not need them. */
const setups = new Map<string, Promise<Ended>>()

function startSetups(): void {
  if (!maySetUp()) return
  for (const { name, setup, fast } of tiers) {
    if (setup === undefined || setups.has(setup) || !isWanted(name, fast === true)) continue
    const script = path.join(root, setup)
    setups.set(setup, runNode([script], { timeoutMs: 8 * 60_000, print }))
  }
}

async function runWithSetup(tier: TestTier, env: TierOptions['env']): Promise<TierResult> {
  const files = filesOf(tier)
  const run = (strict: Strictness) => runTier(tier, files, { strict, print, ...(env && { env }) })
  const setup = await setups.get(tier.setup ?? '')
  if (files.length === 0 || setup === undefined) return run('none')
  const onCi = process.env['CI'] === 'true'
  // Where apt-get works a program is there, so that a test which wants one runs. What else may be lacking, as
  // the right to mount in a container, is lacking for good, but not on CI.
  if (setup.code === 0) return run(onCi ? 'all' : 'programs')
  // Where it does not work, as without a network, what is missing is skipped; never on CI, where nobody reads that.
  const remark = `${tier.setup} ended with ${setup.code}`
  if (onCi) return { name: tier.name, passed: 0, failed: 1, skipped: 0, remark, elapsedMs: 0 }
  process.stdout.write(`${remark}: tests of programs that are not here are skipped\n`)
  return run('none')
}

/**
 * What tests that start servers are given: the bundle, which is what people run and starts in a third of the
 * time, and a folder where what Node made of a module is kept for the next process that wants it.
 */
async function serverEnvironment(cache: string): Promise<TierOptions['env']> {
  const bundler = (await import(pathToFileURL(path.join(root, 'bin/bundle.js')).href)) as Bundler
  const hasBundle = bundler.isFresh('server') || (await bundler.build())
  return { NODE_COMPILE_CACHE: cache, ...(hasBundle && { POSTERN_TEST_BUNDLE: '1' }) }
}

interface Bundler {
  isFresh(name: 'server'): boolean
  /** False where it cannot be written. */
  build(): Promise<boolean>
}

function headline(name: string): void {
  process.stdout.write(`\n== ${name}\n`)
}

/** Only what is worth a look. */
function printSlowest({ slowest = [] }: TierResult): void {
  for (const { name, elapsedMs } of slowest.filter((file) => file.elapsedMs >= 5000))
    process.stdout.write(`slow ${(elapsedMs / 1000).toFixed(1).padStart(6)} s  ${name}\n`)
}

async function runAll(cache: string): Promise<readonly TierResult[]> {
  const results: TierResult[] = []
  startSetups()
  if (isWanted('check', true)) {
    headline('check')
    results.push(await runProgram('check', [path.join(import.meta.dirname, 'check.ts')], checkBudgetMs))
  }
  for (const tier of tiers) {
    if (!isWanted(tier.name, tier.fast === true)) continue
    headline(tier.name)
    const result = await runWithSetup(
      tier,
      tier.servers === true ? await serverEnvironment(cache) : undefined,
    )
    printSlowest(result)
    results.push(result)
  }
  if (isWanted('fuzz', false)) {
    headline('fuzz')
    const seconds = process.env['POSTERN_FUZZ_SECONDS'] ?? '60'
    const leftMs = wholeBudgetMs - performance.now()
    const totalMs = Math.max(leastFuzzMs, Math.min(fuzzBudgetMs, leftMs))
    const flags = ['--seconds', seconds, '--total-seconds', String(Math.round(totalMs / 1000))]
    const program = path.join(import.meta.dirname, 'fuzz.ts')
    results.push(await runProgram('fuzz', [program, ...flags], totalMs + fuzzGraceMs))
  }
  return results
}

const cache = mkdtempSync(path.join(tmpdir(), 'postern-modules-'))
process.on('exit', () => rmSync(cache, { recursive: true, force: true }))
const results = await runAll(cache)
process.stdout.write('\n')
for (const { name, passed, failed, skipped, remark, elapsedMs } of results) {
  const counts = `${passed} passed, ${failed} failed, ${skipped} skipped`
  const seconds = (elapsedMs / 1000).toFixed(1).padStart(6)
  process.stdout.write(
    `${name.padEnd(12)}${seconds} s  ${counts}${remark === undefined ? '' : ` (${remark})`}\n`,
  )
}
const sum = (count: 'passed' | 'failed' | 'skipped') =>
  results.reduce((total, result) => total + result[count], 0)
process.stdout.write(`${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped\n`)
process.exitCode = sum('failed') === 0 && results.length > 0 ? 0 : 1
