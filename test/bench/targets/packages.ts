/** Debian's packages of other servers, installed where they are missing. */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'

const policyFile = '/usr/sbin/policy-rc.d'

/** Why they cannot be installed; undefined where they are. */
export function install(packages: readonly string[]): string | undefined {
  process.stderr.write(`Installing ${packages.join(', ')} with apt-get ...\n`)
  try {
    withoutServiceStarts(() => {
      apt('update')
      apt('install', '-y', '--no-install-recommends', ...packages)
    })
  } catch (error) {
    return `apt-get failed: ${error instanceof Error ? error.message.split('\n').slice(0, 5).join(' ') : String(error)}`
  }
  return undefined
}

/** The files of a package, below a folder, where they are not there yet. */
export function extract(name: string, folder: string): void {
  if (readdirSync(folder).some((file) => file.startsWith(`${name}_`))) return
  execFileSync('apt-get', ['-q', 'download', name], { cwd: folder, stdio: 'ignore' })
  const [file] = readdirSync(folder).filter((one) => one.startsWith(`${name}_`))
  execFileSync('dpkg-deb', ['-x', file!, '.'], { cwd: folder })
}

function apt(...args: readonly string[]): void {
  execFileSync('apt-get', ['-q', ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
}

/** Debian starts what it installs, unless this program says no. */
function withoutServiceStarts(work: () => void): void {
  const isOurs = !existsSync(policyFile)
  if (isOurs) writeFileSync(policyFile, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    work()
  } finally {
    if (isOurs) rmSync(policyFile)
  }
}

export function installedVersion(name: string): string {
  return execFileSync('dpkg-query', ['-W', '-f', '${Version}', name], { encoding: 'latin1' }).trim()
}
