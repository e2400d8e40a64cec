// Builds the bundles that `npm start` and `postern` run: one file each for the server and the command line
// instead of some hundred modules, which halves memory and cuts start-up to a tenth. What must always hold:
// a bundle is used only if it was built from exactly the sources that are there; two builds at once each
// leave whole files. Packages with native parts stay outside and are loaded from node_modules, and so are those
// that are loaded only when they are needed.

import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import module from 'node:module'
import path from 'node:path'
import { Advice, root, say } from './prepare.js'

const dist = path.join(root, 'dist')
const stampFile = path.join(dist, 'built-from')
const outside = ['lmdb', '@node-rs/argon2', '@zxcvbn-ts/*', 'esbuild', 'iconv-lite', 'openpgp']
const compiled = path.join(dist, 'compiled')
const entries = { server: 'src/server/main.ts', cli: 'src/cli/main.ts' }

/** The file that runs `name` ('server' or 'cli') from the bundle. */
export function bundleOf(name) {
  return path.join(dist, `${name}.js`)
}

/** The file that runs `name` from the sources; throws Advice if this tree does not have it. */
export function sourceOf(name) {
  const file = path.join(root, entries[name])
  if (!exists(file)) throw new Advice(`${entries[name]} is missing: this tree cannot run "${name}".`)
  return file
}

export function exists(file) {
  return statSync(file, { throwIfNoEntry: false }) !== undefined
}

/** True if the bundle was built from the sources as they are now. */
export function isFresh(name) {
  if (!exists(bundleOf(name))) return false
  try {
    return readFileSync(stampFile, 'utf8') === fingerprint()
  } catch {
    return false
  }
}

// Name, size and time of each source file, the builder and the lockfile: a few milliseconds for a thousand.
function fingerprint() {
  const lines = ['bin/bundle.js', 'package-lock.json', ...sourceFiles('src')].map((file) => {
    const { size, mtimeMs } = statSync(`${root}/${file}`)
    return `${file} ${size} ${mtimeMs}`
  })
  return createHash('sha256').update(lines.join('\n')).digest('hex')
}

function sourceFiles(folder) {
  const found = []
  for (const entry of readdirSync(`${root}/${folder}`, { withFileTypes: true })) {
    const name = `${folder}/${entry.name}`
    if (entry.isDirectory()) found.push(...sourceFiles(name))
    else if (!name.endsWith('.test.ts')) found.push(name)
  }
  return found.sort((a, b) => (a < b ? -1 : 1))
}

/**
 * Has V8 keep what it compiled of the bundle, for the next start; threads follow the environment. It is kept
 * beside the bundle, since whoever may write there can change the program anyway, and nowhere else: without the
 * right to write there, all is compiled at each start.
 */
export function keepCompiled() {
  process.env.NODE_COMPILE_CACHE ??= compiled
  module.enableCompileCache(process.env.NODE_COMPILE_CACHE)
}

/** Builds every entry that this tree has. Returns false if `dist` cannot be written; the sources run then. */
export async function build() {
  const stamp = fingerprint()
  if (!canWriteDist()) return false
  say('Building the program from its sources, a few seconds ...')
  const { build: esbuild, stop } = await import('esbuild')
  const entryPoints = Object.fromEntries(
    Object.entries(entries).filter(([, file]) => exists(path.join(root, file))),
  )
  try {
    const { outputFiles } = await esbuild({
      absWorkingDir: root,
      entryPoints,
      outdir: dist,
      bundle: true,
      // Threads share the file and load the chunks of their role.
      splitting: true,
      chunkNames: 'chunk-[hash]',
      write: false,
      format: 'esm',
      platform: 'node',
      target: 'node24',
      sourcemap: 'linked',
      sourcesContent: false,
      legalComments: 'none',
      // Without comments, whose § would double the memory that a source takes.
      minifyWhitespace: true,
      lineLimit: 120,
      logLevel: 'silent',
      external: outside,
      // CommonJS packages inside the bundle still call require() for Node's own modules.
      banner: {
        js: "import { createRequire as requireFor } from 'node:module'; globalThis.require ??= requireFor(import.meta.url);",
      },
    })
    for (const { path: file, contents } of outputFiles) replaceFile(file, contents)
    replaceFile(stampFile, stamp)
    rmSync(compiled, { recursive: true, force: true })
    removeOthers(new Set(outputFiles.map(({ path: file }) => path.basename(file))))
    return true
  } catch (error) {
    const details = (error.errors ?? []).map(
      ({ text, location }) => `  ${location?.file ?? ''}:${location?.line ?? ''} ${text}`,
    )
    if (details.length === 0) throw error
    throw new Advice(`The bundle cannot be built:\n${details.join('\n')}`)
  } finally {
    await stop()
  }
}

function canWriteDist() {
  try {
    mkdirSync(dist, { recursive: true })
    const probe = path.join(dist, `probe-${process.pid}`)
    writeFileSync(probe, '')
    rmSync(probe)
    return true
  } catch (error) {
    say(`${dist} cannot be written (${error.code}): running the sources, which takes more memory.`)
    return false
  }
}

// Chunks of builds before: their names change with what is in them.
function removeOthers(current) {
  for (const name of readdirSync(dist))
    if (name.startsWith('chunk-') && !current.has(name)) rmSync(path.join(dist, name), { force: true })
}

function replaceFile(file, contents) {
  const aside = `${file}-${process.pid}`
  writeFileSync(aside, contents)
  renameSync(aside, file)
}
