/** Debian's packages by apt-get, as root: installed, or downloaded. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** False, with all that was printed, where a package cannot be had. */
export const install = (packages: readonly string[]): boolean =>
  orAfterUpdate(['install', '--yes', '--quiet', '--no-install-recommends', ...packages])

/** As files in the folder. */
export const download = (packages: readonly string[], folder: string): boolean =>
  orAfterUpdate(['download', ...unguarded, ...packages], folder)

/**
 * The same from the backports of the release, if they have them: whether they do. The machine does not hear of
 * them, its lists stay as they are.
 */
export function downloadBackports(packages: readonly string[], folder: string): boolean {
  const repository = releaseRepository()
  if (repository === undefined) return false
  const own = mkdtempSync(join(tmpdir(), 'postern-apt-'))
  try {
    mkdirSync(join(own, 'lists/partial'), { recursive: true })
    writeFileSync(join(own, 'sources.list'), `deb ${repository}-backports main\n`)
    const options = [
      `Dir::Etc::SourceList=${join(own, 'sources.list')}`,
      'Dir::Etc::SourceParts=/dev/null',
      `Dir::State::Lists=${join(own, 'lists')}`,
      `Dir::Cache=${join(own, 'cache')}`,
    ].flatMap((option) => ['--option', option])
    const apt = (...args: readonly string[]): boolean =>
      aptGet([...args, ...unguarded, ...options], folder).status === 0
    return apt('update') && apt('download', ...packages)
  } finally {
    rmSync(own, { recursive: true, force: true })
  }
}

/** The user that apt-get downloads as otherwise may not write into folders of root. */
const unguarded = ['--option', 'APT::Sandbox::User=root']

/** Where Debian itself comes from, and its code name. */
function releaseRepository(): string | undefined {
  const look = (): string | undefined => {
    const format = '$(LABEL) $(REPO_URI) $(CODENAME)'
    const { stdout } = aptGet(['indextargets', '--format', format, 'Created-By: Packages'])
    return /^Debian (\S+ [a-z]+)$/m.exec(stdout)?.[1]
  }
  const found = look()
  if (found !== undefined) return found
  // Without package lists it has no label.
  aptGet(['update', '--quiet'])
  return look()
}

function orAfterUpdate(args: readonly string[], folder?: string): boolean {
  if (aptGet(args, folder).status === 0) return true
  // Most likely there are no package lists yet, or old ones.
  aptGet(['update', '--quiet'])
  const { status, stdout, stderr } = aptGet(args, folder)
  if (status === 0) return true
  process.stdout.write(`${stdout}${stderr}`)
  return false
}

const aptGet = (args: readonly string[], folder?: string) =>
  spawnSync('apt-get', args, {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
