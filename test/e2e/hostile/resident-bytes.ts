/** Memory of a process as Linux counts it. */
import { readFileSync } from 'node:fs'

/** In bytes; undefined where there is no /proc. */
export function residentBytes(pid: number): { readonly now: number; readonly peak: number } | undefined {
  let status: string
  try {
    status = readFileSync(`/proc/${pid}/status`, 'utf8')
  } catch {
    return undefined
  }
  const bytes = (name: string): number =>
    1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1])
  return { now: bytes('VmRSS'), peak: bytes('VmHWM') }
}
