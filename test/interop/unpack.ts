/**
 * Debian packages that cannot be installed beside others, each unpacked into a folder of its own, together with
 * the libraries that its programs load: so that they run there as in a file system of their own (`root.ts`).
 */
import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { download, downloadBackports, install } from './apt.ts'
import { backported, packageOf, type Program, rootOf, unpacked } from './debian-packages.ts'

const dpkg = (...args: readonly string[]): string => execFileSync('dpkg-deb', args, { encoding: 'utf8' })

/** False where a package cannot be had. A folder that is there is complete. */
export function unpack(program: Program): boolean {
  const root = rootOf(program)
  mkdirSync(dirname(root), { recursive: true })
  const work = mkdtempSync(join(dirname(root), 'unpack-'))
  try {
    if (!fetch(program, work)) return false
    const archives = readdirSync(work).map((name) => join(work, name))
    if (!install(archives.flatMap(librariesOf))) return false
    const made = join(work, 'root')
    for (const archive of archives) dpkg('--extract', archive, made)
    for (const file of unpacked[program] ?? []) copyWithLibraries(file, made)
    if (!existsSync(root)) renameSync(made, root)
    return true
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

function fetch(program: Program, folder: string): boolean {
  const packages = packageOf[program]
  return (backported.includes(program) && downloadBackports(packages, folder)) || download(packages, folder)
}

/** The libraries that a package depends on, which conflict with nothing. */
const librariesOf = (archive: string): readonly string[] =>
  dpkg('--field', archive, 'Depends')
    .split(',')
    .map((one) => /^[^ (|]+/.exec(one.trim())?.[0] ?? '')
    .filter((name) => name.startsWith('lib'))

/** The file where the package has it, or else the machine's own, and what the loader says that it loads. */
function copyWithLibraries(file: string, root: string): void {
  if (!existsSync(join(root, file))) copy(file, root)
  const loaded = execFileSync('ldd', [join(root, file)], { encoding: 'utf8' })
  for (const [library] of loaded.matchAll(/\/\S+(?= \(0x)/g)) copy(library, root)
}

function copy(file: string, root: string): void {
  mkdirSync(dirname(join(root, file)), { recursive: true })
  copyFileSync(file, join(root, file))
}
