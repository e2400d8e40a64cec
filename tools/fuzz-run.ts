/**
 * Runs fuzz targets from the main thread: starts a thread for each, watches that it makes progress, and
 * collects what it finds. What must hold: a target that hangs, dies or runs out of memory is stopped and
 * reported with the input that did it.
 */
import { Worker } from 'node:worker_threads'

export interface FuzzTarget {
  readonly name: string
  /** Throws only if it found something: errors that the parser may give are caught by the target. */
  run(bytes: Uint8Array): void | Promise<void>
  /** What it is a way into; targets of one parser share its time. The name if left out. */
  readonly parser?: string
  /** Folder of test/corpus with inputs to start from; the module's name if left out. */
  readonly corpus?: string
}

/** What a file of test/fuzz exports. */
export interface FuzzModule {
  readonly targets: readonly FuzzTarget[]
}

export interface Job {
  readonly module: string
  readonly target: string
  readonly corpus: readonly Uint8Array[]
  readonly seed: number
  readonly seconds: number
  readonly runs: number
  readonly shared: SharedArrayBuffer
}

export interface Report {
  readonly kind: 'done' | 'error' | 'slow' | 'memory' | 'hang' | 'died'
  readonly details: string
  readonly bytes: Uint8Array
  readonly executions: number
}

export interface FuzzResult {
  readonly executions: number
  readonly finds: readonly Report[]
}

const headerBytes = 8
const sharedBytes = headerBytes + (1 << 20)

export function newShared(): SharedArrayBuffer {
  return new SharedArrayBuffer(sharedBytes)
}

/** Notes the input of the run that is about to start. */
export function writeInput(shared: SharedArrayBuffer, execution: number, bytes: Uint8Array): void {
  const header = new Int32Array(shared, 0, 2)
  const kept = bytes.subarray(0, sharedBytes - headerBytes)
  header[1] = kept.length
  new Uint8Array(shared, headerBytes).set(kept)
  Atomics.store(header, 0, execution)
}

function readInput(shared: SharedArrayBuffer): { execution: number; bytes: Uint8Array } {
  const header = new Int32Array(shared, 0, 2)
  const bytes = new Uint8Array(shared, headerBytes, header[1]).slice()
  return { execution: Atomics.load(header, 0), bytes }
}

/** Fuzzes one target until its time or runs are used up. `hangMs`: no run ends for so long, it is stopped. */
export async function fuzzTarget(job: Job, o: { hangMs: number }): Promise<FuzzResult> {
  const worker = new Worker(new URL('./fuzz-worker.ts', import.meta.url), {
    workerData: job,
    resourceLimits: { maxOldGenerationSizeMb: 512 },
  })
  const finds: Report[] = []
  let done: Report | undefined
  const stopAs = (kind: Report['kind'], details: string) => {
    const { execution, bytes } = readInput(job.shared)
    finds.push({ kind, details, bytes, executions: execution })
  }
  worker.on('message', (report: Report) => {
    if (report.kind === 'done') done = report
    else finds.push(report)
  })
  worker.on('error', (error) => stopAs('died', error instanceof Error ? String(error.stack) : String(error)))
  const watch = watchProgress(job.shared, o.hangMs, () => {
    stopAs('hang', `no end after ${o.hangMs / 1000} s`)
    void worker.terminate()
  })
  await new Promise((resolve) => worker.on('exit', resolve))
  clearInterval(watch)
  if (done === undefined && finds.every(({ kind }) => kind !== 'hang' && kind !== 'died')) {
    stopAs('hang', 'a promise that never settles')
  }
  return { executions: done?.executions ?? readInput(job.shared).execution, finds }
}

function watchProgress(shared: SharedArrayBuffer, hangMs: number, hung: () => void): NodeJS.Timeout {
  let last = -1
  let since = performance.now()
  const watch = setInterval(
    () => {
      const { execution } = readInput(shared)
      if (execution !== last || execution === 0) {
        last = execution
        since = performance.now()
      } else if (performance.now() - since > hangMs) {
        clearInterval(watch)
        hung()
      }
    },
    Math.min(200, hangMs / 4),
  )
  return watch
}
