/**
 * Runs one fuzz target in a thread of its own. Before each run the input is copied to memory that the main
 * thread shares, so that an input which hangs or kills this thread is known. A run that takes more than a
 * second counts only if it then takes a second of this thread's CPU: the machine may have been busy.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { parentPort, workerData } from 'node:worker_threads'
import { type FuzzModule, type Job, type Report, writeInput } from './fuzz-run.ts'
import { Random } from '../test/harness/random.ts'
import { mutate } from './mutate.ts'

const slowMs = 1000
const maxGrowthBytes = 64 << 20
const maxInputBytes = 64 << 10
const mostFinds = 20

const job = workerData as Job
const report = (message: Report) => parentPort?.postMessage(message)
setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

function usedBytes(): number {
  collectGarbage()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

async function main(): Promise<void> {
  // What is loaded and the corpus count, so that all targets together take no longer than they may.
  const ends = performance.now() + job.seconds * 1000
  const { targets } = (await import(job.module)) as FuzzModule
  const target = targets.find(({ name }) => name === job.target)
  if (target === undefined) throw new Error(`${job.module} has no target ${job.target}`)
  const seen = new Set<string>()
  let executions = 0

  async function run(bytes: Uint8Array): Promise<void> {
    writeInput(job.shared, ++executions, bytes)
    try {
      if ((await timed(bytes)) > slowMs && (await timed(bytes, cpuMs)) > slowMs)
        found('slow', 'over 1 s, and again over 1 s of CPU', bytes)
    } catch (error) {
      found('error', error instanceof Error ? (error.stack ?? error.message) : String(error), bytes)
    }
  }

  async function timed(bytes: Uint8Array, clock = () => performance.now()): Promise<number> {
    const started = clock()
    const pending = target?.run(Uint8Array.from(bytes))
    if (pending instanceof Promise) await pending
    return clock() - started
  }

  // Two errors from the same line of code are one find.
  function found(kind: Report['kind'], details: string, bytes: Uint8Array): void {
    const key = kind + (/^ +at .*$/m.exec(details)?.[0] ?? details)
    if (seen.has(key)) return
    seen.add(key)
    report({ kind, details, bytes, executions })
  }

  for (const bytes of job.corpus) await run(bytes)
  const random = new Random(job.seed)
  const pool = [Uint8Array.of(), ...job.corpus]
  const kept = Math.min(64, pool.length * 4) // changed inputs that are changed further
  const originals = pool.length
  let warm: number | undefined
  for (let runs = 0; runs < job.runs && seen.size < mostFinds; runs++) {
    if (runs % 64 === 0) {
      if (runs > 0 && performance.now() > ends) break
      await turn() // what native code holds is let go of between turns only
    }
    if (runs === 2_000) warm = usedBytes()
    const bytes = mutate(random, pool, random.below(16) === 0 ? maxInputBytes : 4096)
    if (random.below(32) === 0)
      pool[pool.length < originals + kept ? pool.length : originals + random.below(kept)] = bytes
    await run(bytes)
  }
  await turn()
  if (warm !== undefined) {
    const growth = usedBytes() - warm
    if (growth > maxGrowthBytes) found('memory', `grew by ${growth >> 20} MiB`, Uint8Array.of())
  }
  report({ kind: 'done', details: '', bytes: Uint8Array.of(), executions })
}

void main() // a rejection ends this thread with an error, which is what should happen
