/**
 * How much code does, counted instead of timed, so that a bound on its growth holds on any machine: how often
 * the blocks of the program (function bodies, loops, branches) ran, as V8 counts them. Work inside a built-in
 * function, such as a copy of bytes, counts as the call of it only.
 *
 * V8 counts in what it compiles after it was told to, so that each count has a thread of its own.
 */
import { Session } from 'node:inspector/promises'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

interface Order {
  /** The address of a module. */
  readonly module: string
  /** A function that it exports, and what is given to it, each time anew. */
  readonly name: string
  readonly inputs: readonly Uint8Array[]
  /** Which files count, by their address. */
  readonly files: RegExp
}

/** The blocks that ran for each input. */
export async function countWork(order: Order): Promise<readonly number[]> {
  const worker = new Worker(import.meta.filename, { workerData: order })
  try {
    return await new Promise((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
    })
  } finally {
    await worker.terminate()
  }
}

async function count({ module, name, inputs, files }: Order): Promise<readonly number[]> {
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  const exported = (await import(module)) as Record<string, (input: Uint8Array) => unknown>
  const counts: number[] = []
  for (const input of inputs) {
    await session.post('Profiler.takePreciseCoverage')
    await exported[name]!(Buffer.from(input))
    const { result } = await session.post('Profiler.takePreciseCoverage')
    const ranges = result
      .filter(({ url }) => files.test(url))
      .flatMap(({ functions }) => functions.flatMap((one) => one.ranges))
    counts.push(ranges.reduce((sum, range) => sum + range.count, 0))
  }
  return counts
}

if (!isMainThread && parentPort !== null) parentPort.postMessage(await count(workerData as Order))
