/**
 * `npm run fuzz`: feeds changed and random input to every parser that test/fuzz names. A module there exports
 * `targets`; what a target throws is a find, as is a run of more than a second, one that does not end, and
 * memory that grows. A find becomes a file of test/corpus, which every later run begins with.
 *
 *   --target NAME    only targets whose name, or whose parser's name, contains NAME
 *   --seconds N      per parser (60), whose targets share them
 *   --total-seconds  for all together, shared out if they would take longer
 *   --runs N         stop after so many inputs instead
 *   --seed N         repeat a run
 *   --jobs N         targets at once (one per CPU)
 */
import { createHash, randomInt } from 'node:crypto'
import { existsSync, globSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { fuzzTarget, newShared, type FuzzModule, type Report } from './fuzz-run.ts'
import { root } from './tree.ts'

interface Plan {
  readonly module: string
  readonly target: string
  readonly parser: string
  readonly folder: string
}

const { values: options } = parseArgs({
  options: {
    target: { type: 'string', default: '' },
    seconds: { type: 'string' },
    'total-seconds': { type: 'string', default: 'Infinity' },
    runs: { type: 'string', default: 'Infinity' },
    seed: { type: 'string' },
    jobs: { type: 'string' },
  },
})

const runs = Number(options.runs)
const wantedSeconds = Number(options.seconds ?? (Number.isFinite(runs) ? 'Infinity' : '60'))
const totalSeconds = Number(options['total-seconds'])
const seed = options.seed === undefined ? randomInt(2 ** 31) : Number(options.seed)
const jobs = Number(options.jobs ?? availableParallelism())
if ([runs, wantedSeconds, totalSeconds, seed, jobs].some((value) => Number.isNaN(value) || value < 0)) {
  throw new Error('--seconds, --total-seconds, --runs, --seed and --jobs take numbers')
}

const isWanted = (name: string): boolean => name.toLowerCase().includes(options.target.toLowerCase())

async function findTargets(): Promise<readonly Plan[]> {
  const plans: Plan[] = []
  for (const file of globSync('test/fuzz/*.ts', { cwd: root, exclude: ['**/*.test.ts'] }).sort()) {
    const module = pathToFileURL(path.join(root, file)).href
    const { targets } = (await import(module)) as Partial<FuzzModule>
    if (targets === undefined) throw new Error(`${file} exports no targets`)
    for (const { name, corpus, parser = name } of targets) {
      const folder = path.join(root, 'test/corpus', corpus ?? path.basename(file, '.ts'))
      if (isWanted(name) || isWanted(parser)) plans.push({ module, target: name, parser, folder })
    }
  }
  return plans
}

function readCorpus(folder: string): readonly Uint8Array[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .toSorted((a, b) => (a < b ? -1 : 1))
    .map((file) => new Uint8Array(readFileSync(file)))
}

function saveFind(folder: string, { bytes, kind }: Report): string {
  if (kind === 'memory') return 'no single input'
  mkdirSync(folder, { recursive: true })
  const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 12)
  const file = path.join(folder, `find-${digest}`)
  writeFileSync(file, bytes)
  return path.relative(root, file)
}

// Each target has random numbers of its own, so that --target repeats what a full run did.
function seedFor(target: string): number {
  return createHash('sha256').update(`${seed} ${target}`).digest().readUInt32LE(0)
}

async function runPlan({ module, target, folder }: Plan, seconds: number): Promise<boolean> {
  const started = performance.now()
  const job = { module, target, corpus: readCorpus(folder), seed: seedFor(target), seconds, runs }
  const { executions, finds } = await fuzzTarget({ ...job, shared: newShared() }, { hangMs: 60_000 })
  for (const find of finds) {
    process.stdout.write(`FIND ${target}: ${find.kind} in ${saveFind(folder, find)}\n  ${find.details}\n`)
  }
  const took = (performance.now() - started) / 1000
  const rate = Math.round(executions / took).toLocaleString('en')
  process.stdout.write(
    `${finds.length === 0 ? 'ok  ' : 'FAIL'} ${target}: ${executions.toLocaleString('en')} executions, ` +
      `${took.toFixed(0)} s, ${rate}/s, ${finds.length} finds, from ${job.corpus.length} files\n`,
  )
  return finds.length === 0
}

const plans = [...(await findTargets())]
if (plans.length === 0) throw new Error(`no target is called ${options.target}`)
const parsers = Map.groupBy(plans, ({ parser }) => parser)
const seconds = Math.min(wantedSeconds, (totalSeconds * jobs) / Math.max(parsers.size, 1))
process.stdout.write(
  `${plans.length} targets of ${parsers.size} parsers, ${seconds.toFixed(0)} s for each parser, ` +
    `${jobs} at once, --seed ${seed}\n`,
)
if (seconds < wantedSeconds) {
  process.stdout.write(`(not ${wantedSeconds} s each: all together may take ${totalSeconds} s)\n`)
}
let passed = 0
let failed = 0
async function work(): Promise<void> {
  for (let plan = plans.shift(); plan !== undefined; plan = plans.shift()) {
    if (await runPlan(plan, seconds / parsers.get(plan.parser)!.length)) passed++
    else failed++
  }
}
await Promise.all(Array.from({ length: jobs }, work))
process.stdout.write(`${passed} passed, ${failed} failed\n`)
process.exitCode = failed === 0 ? 0 : 1
