import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { root } from './tree.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'postern launch-'))
after(() => rmSync(folder, { recursive: true }))

// Stands in for npm: notes that it ran, then makes node_modules what the lockfile says.
const fakeNpm = `
const fs = require('node:fs')
fs.appendFileSync('npm-ran', process.argv.slice(2).join(' ') + '\\n')
if (fs.existsSync('break-npm')) { console.error('npm error code ENOTFOUND'); process.exit(1) }
setTimeout(() => {
  fs.mkdirSync('node_modules/a', { recursive: true })
  fs.writeFileSync('node_modules/a/package.json', '{}')
  fs.copyFileSync('package-lock.json', 'node_modules/.package-lock.json')
}, 100)
`
const packages = {
  '': { name: 'tree' },
  'node_modules/a': { version: '1.0.0' },
  'node_modules/b': { version: '1.0.0', optional: true },
}

/** A tree with the launcher, one dependency and a "bench" that prints its arguments. */
function plantTree(name: string): string {
  const tree = path.join(folder, name)
  cpSync(path.join(root, 'bin'), path.join(tree, 'bin'), { recursive: true })
  mkdirSync(path.join(tree, 'test/bench'), { recursive: true })
  writeFileSync(path.join(tree, 'package.json'), '{ "type": "module" }')
  writeFileSync(path.join(tree, 'package-lock.json'), JSON.stringify({ packages }))
  writeFileSync(
    path.join(tree, 'test/bench/main.ts'),
    'const args: string[] = process.argv.slice(2)\nconsole.log(JSON.stringify(args))\n',
  )
  writeFileSync(path.join(tree, 'npm-cli.cjs'), fakeNpm)
  return tree
}

interface Launched {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

function launch(tree: string, ...args: string[]): Promise<Launched> {
  return launchWith({}, tree, ...args)
}

function launchWith(more: NodeJS.ProcessEnv, tree: string, ...args: string[]): Promise<Launched> {
  const env = {
    ...process.env,
    ...more,
    npm_execpath: path.join(tree, 'npm-cli.cjs'),
    npm_node_execpath: process.execPath,
  }
  const child = spawn(process.execPath, [path.join(tree, 'bin/launch.js'), ...args], { env })
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, out, err })))
}

const installs = (tree: string) => readFileSync(path.join(tree, 'npm-ran'), 'utf8').trim().split('\n').length

test('installs what is missing, once, and passes arguments on', async () => {
  const tree = plantTree('installs')
  const first = await launch(tree, 'bench', '--target', 'a b')
  assert.deepEqual([first.code, first.out], [0, '["--target","a b"]\n'])
  assert.match(first.err, /Installing .*about a minute/)
  const second = await launch(tree, 'bench')
  assert.deepEqual(second, { code: 0, out: '[]\n', err: '' })
  assert.equal(installs(tree), 1)
})

test('a changed lockfile installs again', async () => {
  const tree = plantTree('changed')
  await launch(tree, 'bench')
  const changed = { ...packages, 'node_modules/a': { version: '1.0.1' } }
  writeFileSync(path.join(tree, 'package-lock.json'), JSON.stringify({ packages: changed }))
  assert.match((await launch(tree, 'bench')).err, /node_modules\/a 1.0.1 is not installed/)
  assert.equal(installs(tree), 2)
})

test('three starts at once install once', async () => {
  const tree = plantTree('at once')
  const results = await Promise.all([1, 2, 3].map(() => launch(tree, 'bench')))
  assert.deepEqual(
    results.map(({ code }) => code),
    [0, 0, 0],
  )
  assert.equal(installs(tree), 1)
  assert.ok(!existsSync(path.join(tree, '.install-lock')))
})

test('the lock of a dead start is broken', async () => {
  const tree = plantTree('dead')
  mkdirSync(path.join(tree, '.install-lock'))
  writeFileSync(path.join(tree, '.install-lock/pid'), '4194303') // above what pids reach
  assert.equal((await launch(tree, 'bench')).code, 0)
})

test('a failed install says what to do, and leaves no lock', async () => {
  const tree = plantTree('fails')
  writeFileSync(path.join(tree, 'break-npm'), '')
  const { code, out, err } = await launch(tree, 'bench')
  assert.deepEqual([code, out], [1, ''])
  assert.match(err, /ENOTFOUND/)
  assert.match(err, /registry cannot be reached\. Check the network/)
  assert.ok(!existsSync(path.join(tree, '.install-lock')))
})

test('an unknown command and a missing program are told, without a stack', async () => {
  const tree = plantTree('unknown')
  const unknown = await launch(tree, 'dance')
  assert.equal(unknown.code, 1)
  assert.match(unknown.err, /^Usage: /)
  const missing = await launch(tree, 'start')
  assert.equal(missing.code, 1)
  assert.match(missing.err, /src\/server\/main.ts is missing/)
  assert.doesNotMatch(missing.err, /^ +at /m)
})

/** A tree whose server has a thread and a module that both load, in this tree's node_modules. */
function plantServer(name: string): string {
  const tree = path.join(folder, name)
  for (const part of ['bin', 'package.json', 'package-lock.json'])
    cpSync(path.join(root, part), path.join(tree, part), { recursive: true })
  symlinkSync(path.join(root, 'node_modules'), path.join(tree, 'node_modules'))
  mkdirSync(path.join(tree, 'src/server'), { recursive: true })
  writeFileSync(
    path.join(tree, 'src/server/main.ts'),
    `import { isMainThread, Worker } from 'node:worker_threads'
    if (isMainThread) new Worker(new URL(import.meta.url))
    const { say } = await import('./say.ts')
    if (!isMainThread) say()`,
  )
  writeFileSync(path.join(tree, 'src/server/say.ts'), "export const say = () => console.log('said')")
  return tree
}

/** What Node says of a file whose compiled form was there. */
const isKept = 'was accepted'
const [entryAndChunk, threads] = [2, 2]

test('what was compiled of the bundle is kept beside it, for all threads, until the bundle is another', async () => {
  const tree = plantServer('compiled')
  const start = () => launchWith({ NODE_DEBUG_NATIVE: 'COMPILE_CACHE' }, tree, 'start')
  const kept = ({ code, err }: Launched): number => {
    assert.equal(code, 0)
    return err.split(isKept).length - 1
  }
  assert.equal(kept(await start()), 0)
  assert.equal(kept(await start()), entryAndChunk * threads)
  writeFileSync(path.join(tree, 'src/server/say.ts'), "export const say = () => console.log('said again')")
  assert.equal(kept(await start()), 0)
  assert.equal(kept(await start()), entryAndChunk * threads)
})

test('a start writes into dist and nowhere else, and goes on where it may not keep what was compiled', async () => {
  const tree = plantServer('writes')
  const [home, temporary] = ['home', 'tmp'].map((name) => path.join(folder, `writes-${name}`))
  for (const made of [home!, temporary!]) mkdirSync(made)
  const start = () => launchWith({ HOME: home, TMPDIR: temporary }, tree, 'start')
  const found = (): readonly string[] => [
    ...readdirSync(tree, { recursive: true, encoding: 'utf8' }).filter(
      (name) => !/^(dist|node_modules)\//.test(name),
    ),
    ...readdirSync(home!),
    ...readdirSync(temporary!),
  ]
  const before = found()
  assert.equal((await start()).out, 'said\n')
  assert.deepEqual(
    found().filter((name) => !before.includes(name)),
    ['dist'],
  )
  const compiled = path.join(tree, 'dist/compiled')
  rmSync(compiled, { recursive: true })
  writeFileSync(compiled, '')
  assert.deepEqual(await start(), { code: 0, out: 'said\n', err: '' })
})
