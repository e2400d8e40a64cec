/**
 * Installs the programs that the tests here drive. Does nothing, and says nothing, where all are there. Called
 * as root, where apt-get is; exit code 1 when a package cannot be had.
 */
import { spawnSync } from 'node:child_process'
import { packageOf, programs } from './debian-packages.ts'
import { locate } from './program.ts'

const apt = (...args: readonly string[]) =>
  spawnSync('apt-get', args, {
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })

function install(packages: readonly string[]): boolean {
  process.stdout.write(`installing ${packages.join(', ')}\n`)
  const flags = ['install', '--yes', '--quiet', '--no-install-recommends', ...packages]
  if (apt(...flags).status === 0) return true
  // Most likely there are no package lists yet, or old ones.
  apt('update', '--quiet')
  const { status, stdout, stderr } = apt(...flags)
  if (status === 0) return true
  process.stdout.write(`${stdout}${stderr}`)
  return false
}

const missing = programs.filter((program) => locate(program) === undefined)
const packages = [...new Set(missing.flatMap((program) => packageOf[program]))]
if (packages.length > 0 && !install(packages)) process.exitCode = 1
