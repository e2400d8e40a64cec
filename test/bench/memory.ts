/**
 * Memory of the server's processes: after start, with idle connections, and idle again after long load. What a
 * connection takes is counted from the memory after start: a server may keep processes or buffers of earlier
 * connections for the next ones, and they belong to those who use them.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { Job } from './load/job.ts'
import type { LoadProcess } from './load-process.ts'
import { memoryUse, type MemoryUse } from './process-cost.ts'
import type { Target } from './target.ts'

export interface MemoryFigures {
  readonly target: string
  readonly name: string
  readonly memory?: MemoryUse
  /** What each of the connections added. */
  readonly connections?: number
  readonly pssPerConnection?: number
  readonly rssPerConnection?: number
  readonly note?: string
}

/** After load a server may still write, merge and collect. */
const settleMs = 5000

/** The target must have a pid. */
export function idleMemory(target: Target): MemoryFigures & { readonly memory: MemoryUse } {
  return { target: target.name, name: 'idle after start', memory: memoryUse(target.pids) }
}

export async function connectionMemory(
  load: LoadProcess,
  target: Target,
  afterStart: MemoryUse,
  connections: number,
  secure: boolean,
): Promise<MemoryFigures> {
  const name = `${connections} idle IMAP connections${secure ? ' with TLS' : ''}`
  let figures: MemoryFigures = { target: target.name, name }
  try {
    await load.run(
      { kind: 'idle', target, connections, secure, seconds: 60 },
      {
        before: () => {},
        after: async () => {
          await wait(2000)
          const memory = memoryUse(target.pids)
          figures = {
            target: target.name,
            name,
            memory,
            connections,
            pssPerConnection: (memory.pssBytes - afterStart.pssBytes) / connections,
            rssPerConnection: (memory.rssBytes - afterStart.rssBytes) / connections,
          }
        },
      },
    )
  } catch (error) {
    return { target: target.name, name, note: String(error) }
  }
  return figures
}

export interface SoakFigures {
  readonly target: string
  readonly minutes: number
  readonly afterWarmUp: MemoryUse
  readonly afterSoak: MemoryUse
  readonly pssRatio: number
  readonly operations: number
  readonly failures: number
}

const soakPerSecond = 200
const soakOperations = [
  'append',
  'fetch envelope of all',
  'fetch body random',
  'store flag random',
  'login+select+logout',
]

/** One round of everything, about half a minute; mailboxes are as full afterwards as before. */
function soakRound(target: Target, messages: number): readonly Job[] {
  const paced = {
    kind: 'smtp',
    target,
    connections: 16,
    reuse: true,
    pipelining: true,
    perSecond: soakPerSecond,
  } as const
  return [
    { ...paced, seconds: 12, sizeBytes: 4096, recipients: 'all' },
    { ...paced, seconds: 3, sizeBytes: 51_200, recipients: 'all', reuse: false },
    ...soakOperations.map((operation): Job => ({
      kind: 'imap',
      target,
      operation,
      connections: 4,
      seconds: 2,
      messages,
    })),
    { kind: 'clear', target, connections: 1, seconds: 10 },
  ]
}

/**
 * `minutes` of load; the mailbox that is read must be there. Warm-up is two rounds of the same load. Throws Error
 * if the target has no pid, or a job fails altogether.
 */
export async function soak(
  load: LoadProcess,
  target: Target,
  minutes: number,
  messages: number,
): Promise<SoakFigures> {
  let [operations, failures] = [0, 0]
  const round = async () => {
    for (const job of soakRound(target, messages)) {
      const result = await load.run(job)
      operations += result.operations
      failures += result.failures
    }
  }
  const settled = async () => {
    await wait(settleMs)
    const memory = memoryUse(target.pids)
    if (memory.processes === 0) throw new Error('--soak needs the pid of the server')
    return memory
  }
  await round()
  await round()
  const afterWarmUp = await settled()
  const end = performance.now() + minutes * 60_000
  while (performance.now() < end) await round()
  const afterSoak = await settled()
  const pssRatio = afterSoak.pssBytes / afterWarmUp.pssBytes
  return { target: target.name, minutes, afterWarmUp, afterSoak, pssRatio, operations, failures }
}
