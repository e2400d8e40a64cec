// The entry of all npm scripts: `node bin/launch.js <command> [arguments]`. Installs what is missing, goes on
// with Node 24, and then becomes the program asked for, in this process where it can be: no wrapper stays
// between the terminal and the server. Plain JavaScript, since it must run on Node 20.
//
// package.json starts the server with --max-semi-space-size=8: under load V8 would give new objects 128 MiB and
// keep them, for the same CPU a message. The two variables are for glibc's malloc, which else has eight arenas for
// each core and gives little of them back to the system; it reads them when the process begins.

import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build, bundleOf, exists, isFresh, keepCompiled, sourceOf } from './bundle.js'
import { Advice, ensureInstalled, ensureNode, orAdvise, root } from './prepare.js'

// Each command is a program and the arguments that come before the user's.
const tools = {
  test: ['tools/run-tests.ts'],
  'test:fast': ['tools/run-tests.ts', '--fast'],
  check: ['tools/check.ts'],
  fuzz: ['tools/fuzz.ts'],
  bench: ['test/bench/main.ts'],
  format: ['node_modules/oxfmt/bin/oxfmt', '--write', '.'],
}

async function server() {
  const source = sourceOf('server')
  if (!isFresh('server') && !(await build())) return source
  keepCompiled()
  return bundleOf('server')
}

async function main() {
  const [command, ...args] = process.argv.slice(2)
  if (command !== 'start' && !Object.hasOwn(tools, command ?? '')) {
    throw new Advice(`Usage: node bin/launch.js start|${Object.keys(tools).join('|')} [arguments]`)
  }
  await ensureInstalled({ dev: command !== 'start' })
  await ensureNode(fileURLToPath(import.meta.url), process.argv.slice(2))
  const [program, ...first] = command === 'start' ? [await server()] : tools[command]
  const file = path.resolve(root, program)
  if (!exists(file)) throw new Advice(`${program} is missing: this tree cannot run "${command}".`)
  if (command !== 'start') process.chdir(root)
  process.argv.splice(1, process.argv.length, file, ...first, ...args)
  await import(pathToFileURL(file).href)
}

await orAdvise(main)
