/** A server that the bench has started itself, and the small things that starting one takes. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Start } from '../report.ts'
import type { Endpoint, Target } from '../target.ts'

export interface StartedServer extends AsyncDisposable {
  readonly target: Target
  /** Of a server on data that was there already nothing is known. */
  readonly start?: Start
  /** As new, with the same data: nothing lingers of what connections before have left. */
  restart(whileStopped?: () => void): Promise<Target>
  /** Does what the server puts off, once its mailboxes have been filled. */
  settle?(): void
  /** Product to version. */
  readonly versions: Readonly<Record<string, string>>
}

/** Where a server has its data: kept for the next run where there is a folder for it. */
export function dataDirectory(keep: string | undefined, name: string): { path: string; remove(): void } {
  if (keep === undefined) {
    const made = mkdtempSync(path.join(tmpdir(), `bench-${name}-`))
    return { path: made, remove: () => rmSync(made, { recursive: true, force: true }) }
  }
  const kept = path.join(path.resolve(keep), name)
  mkdirSync(kept, { recursive: true })
  return { path: kept, remove: () => {} }
}

/** So that what is read next comes from the disk (Linux, and root). */
export function dropPageCache(): void {
  execFileSync('sync')
  writeFileSync('/proc/sys/vm/drop_caches', '3')
}

export const loopback = '127.0.0.1'

export async function freePorts(count: number): Promise<readonly number[]> {
  // All are held until all are known, so they differ.
  const servers = Array.from({ length: count }, () => createServer())
  const ports: number[] = []
  for (const server of servers) {
    await new Promise<void>((resolve) => server.listen(0, loopback, resolve))
    ports.push((server.address() as AddressInfo).port)
  }
  for (const server of servers) server.close()
  return ports
}

/** Until the server sends its first bytes; returns them. Throws Error after `limitMs` or when `gone` says so. */
export async function greeting(
  endpoint: Endpoint,
  limitMs: number,
  gone: () => string | undefined,
): Promise<string> {
  const end = performance.now() + limitMs
  for (;;) {
    const text = await firstBytes(endpoint)
    if (text !== undefined) return text
    const reason = gone()
    if (reason !== undefined) throw new Error(reason)
    if (performance.now() > end) throw new Error(`nothing answers at ${endpoint.host}:${endpoint.port}`)
    await wait(3)
  }
}

function firstBytes(endpoint: Endpoint): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(endpoint)
    socket.once('data', (bytes) => {
      resolve(bytes.toString('latin1'))
      socket.destroy()
    })
    socket.once('error', () => resolve(undefined))
    socket.once('close', () => resolve(undefined))
  })
}
