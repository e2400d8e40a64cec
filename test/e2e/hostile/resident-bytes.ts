/** Memory of a process as Linux counts it. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'

/** Test options: skipped where memory cannot be measured. */
export const needsProc = { skip: existsSync('/proc/self/clear_refs') ? false : 'memory is measured in /proc' }

/** In bytes. */
export function residentBytes(pid: number): { readonly now: number; readonly peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const bytes = (name: string): number =>
    1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1])
  return { now: bytes('VmRSS'), peak: bytes('VmHWM') }
}

/** Runs the work and returns by how many bytes the process was larger at its peak than before. */
export async function growth(pid: number, work: () => Promise<void>): Promise<number> {
  writeFileSync(`/proc/${pid}/clear_refs`, '5') // the peak begins anew
  const { now } = residentBytes(pid)
  await work()
  return residentBytes(pid).peak - now
}
