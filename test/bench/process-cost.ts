/**
 * What a server's processes cost, from Linux's /proc: processor time and memory of a process and of all that
 * descend from it. Time of children that have ended counts, as far as their parent has waited for them.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'

/** Ticks of `times` in /proc/PID/stat are 1/100 s in every Linux for user programs. */
const msPerTick = 10

interface Process {
  readonly pid: number
  readonly parent: number
  readonly cpuMs: number
}

/** `undefined` where it has just ended. The name in brackets may hold spaces and brackets itself. */
function readProcess(pid: number): Process | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const ticks = [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0)
    return { pid, parent: Number(fields[1]), cpuMs: ticks * msPerTick }
  } catch {
    return undefined
  }
}

function processTree(roots: readonly number[]): readonly Process[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => readProcess(Number(name)))
    .filter((process) => process !== undefined)
  const members = new Set(roots)
  // A child may be listed before its parent: go on until nobody joins.
  for (let before = -1; before !== members.size;) {
    before = members.size
    for (const process of all) if (members.has(process.parent)) members.add(process.pid)
  }
  return all.filter((process) => members.has(process.pid))
}

/** Processor time so far, in ms; `undefined` if no process is known. */
export function cpuTimeMs(roots: readonly number[]): number | undefined {
  if (roots.length === 0) return undefined
  return processTree(roots).reduce((sum, process) => sum + process.cpuMs, 0)
}

const lookMs = 250
/** A core's share below which a server does nothing but tick. */
const idleShare = 0.08

/** Until they work no more on what they were given: an index, a merge, a checkpoint. */
export async function untilIdle(roots: readonly number[], limitMs: number): Promise<void> {
  const end = performance.now() + limitMs
  for (let quiet = 0, before = cpuTimeMs(roots); quiet < 4 && performance.now() < end;) {
    await wait(lookMs)
    const now = cpuTimeMs(roots)
    if (before === undefined || now === undefined) return
    quiet = now - before <= lookMs * idleShare ? quiet + 1 : 0
    before = now
  }
}

export interface MemoryUse {
  readonly processes: number
  /** Shared pages counted once for each process. */
  readonly rssBytes: number
  /** Shared pages divided among those who share them. */
  readonly pssBytes: number
}

export function memoryUse(roots: readonly number[]): MemoryUse {
  let [processes, rssBytes, pssBytes] = [0, 0, 0]
  for (const { pid } of processTree(roots)) {
    const rollup = readRollup(pid)
    if (rollup === undefined) continue
    processes++
    rssBytes += kibibytes(rollup, 'Rss') * 1024
    pssBytes += kibibytes(rollup, 'Pss') * 1024
  }
  return { processes, rssBytes, pssBytes }
}

function readRollup(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1')
  } catch {
    return undefined
  }
}

function kibibytes(rollup: string, name: string): number {
  return Number(new RegExp(`^${name}: +(\\d+) kB`, 'm').exec(rollup)?.[1] ?? 0)
}
