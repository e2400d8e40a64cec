/** One workload on one server, and the figures people compare, computed from what was counted. */
import type { Job, JobResult } from './load/job.ts'
import type { LoadProcess } from './load-process.ts'
import type { Workload } from './plan.ts'
import { cpuTimeMs, untilIdle } from './process-cost.ts'
import type { Target } from './target.ts'

export interface Measurement {
  readonly workload: string
  readonly target: string
  readonly operations: number
  readonly failures: number
  readonly note?: string
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Messages per second until the last could be read, or came to the sink. */
  readonly visiblePerSecond?: number
  readonly firstTry?: JobResult['firstTry']
  /** Of all processes of the server, per operation; with SMTP until the last message could be read. */
  readonly serverCpuMs?: number
  readonly clientCpuMs: number
  readonly found?: number
}

/**
 * A server that compiles or caches as it goes is measured as it runs all day: after a while of the same. Less
 * than this, and one client alone measures the compiler.
 */
const warmUpSeconds = 3

/** Work that a server puts off does not take longer. */
const idleLimitMs = 120_000

/** What is measured of servers that have just been started, in turn. */
const coldRuns = 3

/** Never throws: a workload that failed is a measurement without operations, with a note. */
export async function measure(
  load: LoadProcess,
  workload: Workload,
  target: Target,
  seconds: number,
): Promise<Measurement> {
  try {
    await load.run(workload.job(target, warmUpSeconds))
    await untilIdle(target.pids, idleLimitMs)
    const { result, cpuMs } = await withCost(load, workload.job(target, seconds), target)
    return figures(workload, target, result, cpuMs)
  } catch (error) {
    return failed(workload, target, error)
  }
}

/** The same of a server that `fresh` starts again before each operation. */
export async function measureCold(
  load: LoadProcess,
  workload: Workload,
  target: Target,
  fresh: () => Promise<Target>,
): Promise<Measurement> {
  const costs: { readonly result: JobResult; readonly cpuMs?: number }[] = []
  try {
    while (costs.length < coldRuns) {
      const started = await fresh()
      costs.push(await withCost(load, workload.job(started, 0), started))
    }
  } catch (error) {
    return failed(workload, target, error)
  }
  const middle = costs.toSorted((a, b) => a.result.p50Ms - b.result.p50Ms)[coldRuns >> 1]!
  return figures(workload, target, middle.result, middle.cpuMs)
}

/** What a job costs, whether it is done at once or later. */
export async function withCost(
  load: LoadProcess,
  job: Job,
  target: Target,
): Promise<{ readonly result: JobResult; readonly cpuMs?: number }> {
  let cpuMs: number | undefined
  const result = await load.run(job, {
    before: () => cpuTimeMs(target.pids),
    after: async (before) => {
      // What it has put off is part of what it costs.
      await untilIdle(target.pids, idleLimitMs)
      const now = cpuTimeMs(target.pids)
      if (before !== undefined && now !== undefined) cpuMs = now - before
    },
  })
  return { result, ...(cpuMs !== undefined && { cpuMs }) }
}

function failed(workload: Workload, target: Target, error: unknown): Measurement {
  const note = error instanceof Error ? error.message : String(error)
  return {
    workload: workload.name,
    target: target.name,
    operations: 0,
    failures: 1,
    note,
    perSecond: 0,
    p50Ms: 0,
    p99Ms: 0,
    clientCpuMs: 0,
  }
}

function figures(workload: Workload, target: Target, result: JobResult, cpuMs?: number): Measurement {
  const { operations, failures, firstFailure, elapsedMs, visibleMs, firstTry, found } = result
  const per = (total: number) => (operations === 0 ? 0 : total / operations)
  return {
    workload: workload.name,
    target: target.name,
    operations,
    failures,
    ...(firstFailure === undefined ? {} : { note: firstFailure }),
    perSecond: elapsedMs === 0 ? 0 : (operations * 1000) / elapsedMs,
    p50Ms: result.p50Ms,
    p99Ms: result.p99Ms,
    ...(visibleMs === undefined ? {} : { visiblePerSecond: (operations * 1000) / visibleMs }),
    ...(firstTry === undefined ? {} : { firstTry }),
    ...(cpuMs === undefined ? {} : { serverCpuMs: per(cpuMs) }),
    clientCpuMs: per(result.clientCpuMs),
    ...(found === undefined ? {} : { found }),
  }
}
