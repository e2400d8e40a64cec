/**
 * Which packages each thread loads when it begins: what all of its start imports, by one file or another. A
 * library that only rare work needs is imported where that work is (`await import()`), since each is some
 * milliseconds of every start and memory for good.
 *
 * Red by a planted `import 'pkijs'` in any file that `src/server/process.ts` leads to.
 */
import assert from 'node:assert/strict'
import { isBuiltin } from 'node:module'
import { test } from 'node:test'
import { build } from 'esbuild'
import { root } from './tree.ts'

const threads = {
  'src/server/process.ts': [
    '@hono/node-server',
    'bcryptjs',
    'hono',
    'http_ece',
    'lmdb',
    're2js',
    'smol-toml',
    'ws',
  ],
  'src/server/store/committer-thread.ts': ['lmdb'],
  'src/server/worker-thread.ts': [
    '@hono/node-server',
    'bcryptjs',
    'hono',
    'lmdb',
    're2js',
    'smol-toml',
    'ws',
  ],
  'src/account/hash-pool.ts': ['bcryptjs'],
  'src/mail/search/index-work.ts': [],
  'src/search/attachment-thread.ts': [],
} as const

/** By the path of a file: what it imports at once, as paths of files or names of packages. */
async function importsAtOnce(): Promise<ReadonlyMap<string, readonly string[]>> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: Object.keys(threads),
    outdir: 'unused',
    bundle: true,
    packages: 'external',
    write: false,
    format: 'esm',
    platform: 'node',
    metafile: true,
  })
  return new Map(
    Object.entries(metafile.inputs).map(([file, { imports }]) => [
      file,
      imports.filter(({ kind }) => kind !== 'dynamic-import').map(({ path }) => path),
    ]),
  )
}

const packageOf = (specifier: string): string =>
  specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')

test('each thread loads the packages that its start needs, and no others', async () => {
  const imports = await importsAtOnce()
  for (const [entry, expected] of Object.entries(threads)) {
    const reached = new Set([entry])
    for (const file of reached) for (const next of imports.get(file) ?? []) reached.add(next)
    const packages = [...reached].filter(
      (path) => !imports.has(path) && !isBuiltin(path) && !path.startsWith('<'),
    )
    assert.deepEqual([...new Set(packages.map(packageOf))].sort(), expected, entry)
  }
})
