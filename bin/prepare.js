// Everything that must be true before Postern's TypeScript can run: the dependencies of the lockfile are in
// node_modules, and the Node that runs is 24 or later. Plain JavaScript that a Node 20 understands, with no
// dependency. What must always hold: two starts at once install once; a killed install is noticed and done
// again; nothing is installed when the tree already fits the lockfile, so a read-only install works.

import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const neededMajor = 24
const forwarded = ['SIGTERM', 'SIGINT', 'SIGHUP']

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))

/** An error whose message is meant for the person at the terminal: printed without a stack. */
export class Advice extends Error {}

/** Prints to stderr, which leaves stdout to the program that is being started. */
export function say(text) {
  process.stderr.write(`${text}\n`)
}

/**
 * Why node_modules does not fit package-lock.json, or undefined when it does. npm writes the file it is
 * compared with at the very end of an install, so an interrupted one never fits.
 */
export function installProblem({ dev }) {
  const wanted = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')).packages
  let installed
  try {
    installed = JSON.parse(readFileSync(path.join(root, 'node_modules/.package-lock.json'), 'utf8')).packages
  } catch {
    return 'dependencies are not installed'
  }
  for (const [where, want] of Object.entries(wanted)) {
    if (where === '' || want.optional || want.devOptional || (want.dev && !dev)) continue
    const have = installed[where]
    const there = have !== undefined && existsSync(path.join(root, where, 'package.json'))
    if (!there || have.version !== want.version) return `${where} ${want.version} is not installed`
  }
  if (isTooOld() && platformNode() === undefined && wanted[`node_modules/${platformPackage()}`]) {
    return `Node ${neededMajor} is not installed`
  }
  return undefined
}

function isTooOld() {
  return Number(process.versions.node.split('.')[0]) < neededMajor
}

function platformPackage() {
  return `node-${process.platform}-${process.arch}`
}

/** The Node that the optional dependency brought for this platform, if it did. */
function platformNode() {
  const file = path.join(root, 'node_modules', platformPackage(), 'bin/node')
  return existsSync(file) ? file : undefined
}

/** Runs `npm ci` if the tree does not fit the lockfile. `dev`: whether the tools for tests are needed too. */
export async function ensureInstalled({ dev }) {
  if (installProblem({ dev }) === undefined) return
  const release = await lockInstall()
  try {
    const problem = installProblem({ dev })
    if (problem !== undefined) await install(problem)
    const still = installProblem({ dev })
    if (still !== undefined && !still.startsWith('Node ')) {
      throw new Advice(`npm ci ended well, and yet ${still}. Remove node_modules and start again.`)
    }
  } finally {
    release()
  }
}

async function install(problem) {
  say(`Installing what Postern needs, since ${problem}: npm ci from package-lock.json, about a minute ...`)
  const started = Date.now()
  const { command, args } = npmCommand()
  const flags = ['ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error']
  const child = spawn(command, [...args, ...flags], {
    cwd: root,
    env: environmentForNpm(),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = []
  child.stdout.on('data', (chunk) => output.push(chunk))
  child.stderr.on('data', (chunk) => output.push(chunk))
  const stopForwarding = forwardSignals(child)
  const code = await new Promise((resolve) => {
    child.on('error', (error) => resolve(error.code === 'ENOENT' ? 'no npm' : String(error)))
    child.on('close', (status, signal) => resolve(signal ?? status))
  })
  stopForwarding()
  if (code === 0) {
    say(`Installed in ${Math.round((Date.now() - started) / 1000)} s.`)
    return
  }
  const text = Buffer.concat(output).toString('utf8').trim()
  throw new Advice(`${text.split('\n').slice(0, 20).join('\n')}\n\n${adviceFor(code, text)}`)
}

function adviceFor(code, text) {
  if (code === 'no npm')
    return 'npm was not found. Install npm 10 or later (it comes with Node) and start again.'
  if (forwarded.includes(code)) return 'The installation was interrupted; the next start does it again.'
  if (/ENOSPC/.test(text)) return 'npm ci failed: the disk is full. Make room (about 400 MB) and start again.'
  if (/EACCES|EPERM|EROFS/.test(text)) {
    return `npm ci failed: this user may not write in ${root} or in npm's cache. Start as the owner of these files.`
  }
  if (/ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|ECONNRESET/.test(text)) {
    return (
      'npm ci failed: the package registry cannot be reached. Check the network, the proxy (HTTPS_PROXY) and\n' +
      '`npm config get registry`, then start again.'
    )
  }
  return `npm ci failed (${code}). Run "npm ci" in ${root} to see all of it, then start again.`
}

// The npm that called us if there is one: it and its Node survive the removal of node_modules, whereas the
// `node` found first in an npm script's PATH is a file inside it.
function npmCommand() {
  const { npm_execpath: cli, npm_node_execpath: node } = process.env
  const inTree = (file) => file.startsWith(path.join(root, 'node_modules') + path.sep)
  if (cli !== undefined && /npm-cli\.c?js$/.test(cli) && node !== undefined && !inTree(node)) {
    return { command: node, args: [cli] }
  }
  return { command: 'npm', args: [] }
}

function environmentForNpm() {
  const environment = { ...process.env }
  for (const name of Object.keys(environment)) {
    if (/^npm_(lifecycle|package)_|^npm_command$/.test(name)) delete environment[name]
  }
  const inTree = path.join(root, 'node_modules', '.bin')
  const folders = (environment.PATH ?? '').split(path.delimiter)
  environment.PATH = folders.filter((folder) => path.resolve(folder) !== inTree).join(path.delimiter)
  return environment
}

// A folder is the lock: making one is atomic everywhere. It names its maker, so that a dead one is noticed.
async function lockInstall() {
  const lock = path.join(root, '.install-lock')
  let told = false
  for (;;) {
    try {
      mkdirSync(lock)
      writeFileSync(path.join(lock, 'pid'), String(process.pid))
      return () => rmSync(lock, { recursive: true, force: true })
    } catch (error) {
      if (error.code !== 'EEXIST') {
        throw new Advice(
          `Dependencies are missing or outdated, and this user may not write in ${root} (${error.code}).\n` +
            'Run "npm ci" there as the owner of these files.',
        )
      }
    }
    if (lockIsStale(lock)) {
      breakLock(lock)
      continue
    }
    if (!told) say('Another start is installing dependencies; waiting for it ...')
    told = true
    await wait(200)
  }
}

function lockIsStale(lock) {
  try {
    const age = Date.now() - statSync(lock).mtimeMs
    const file = path.join(lock, 'pid')
    const pid = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0
    if (pid === 0) return age > 10_000
    return age > 30 * 60_000 || !isAlive(pid)
  } catch {
    return false // it went away while we looked
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

// By rename, so that of two who found it stale only one removes it.
function breakLock(lock) {
  const aside = `${lock}-${process.pid}`
  try {
    renameSync(lock, aside)
    rmSync(aside, { recursive: true, force: true })
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
  }
}

/**
 * Makes sure that Node 24 or later runs `script`. Returns when this process is one; otherwise runs the script
 * again with the Node from node_modules, passes signals on, and ends with its exit code.
 */
export async function ensureNode(script, args) {
  if (!isTooOld()) return
  const node = platformNode()
  const here = `This is Node ${process.versions.node} on ${process.platform}-${process.arch}`
  if (node === undefined) {
    throw new Advice(
      `${here}; Postern needs Node ${neededMajor} or later, and npm has none to install for this platform.\n` +
        `Install Node ${neededMajor} (https://nodejs.org/en/download) and start again.`,
    )
  }
  const child = spawn(node, [...process.execArgv, script, ...args], {
    stdio: 'inherit',
    env: { ...process.env, PATH: `${path.dirname(node)}${path.delimiter}${process.env.PATH ?? ''}` },
  })
  forwardSignals(child)
  child.on('error', (error) => {
    say(`${here}; ${node} cannot be run (${error.message}). Install Node ${neededMajor} and start again.`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => {
    for (const name of forwarded) process.removeAllListeners(name)
    if (signal === null) process.exit(code ?? 1)
    process.kill(process.pid, signal)
  })
  await new Promise(() => {}) // the exit handler above ends this process
}

// At a terminal, Ctrl-C reaches the whole process group, so the child has its SIGINT already: a second one
// would read as "at once". Without a terminal the child only gets what we pass on.
function forwardSignals(child) {
  const handlers = forwarded.map((signal) => {
    const handler = () => {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    }
    process.on(signal, handler)
    return [signal, handler]
  })
  return () => {
    for (const [signal, handler] of handlers) process.off(signal, handler)
  }
}

/** Runs `main`, and prints an Advice as what it is: text for a person, exit code 1. */
export async function orAdvise(main) {
  try {
    await main()
  } catch (error) {
    if (!(error instanceof Advice)) throw error
    say(error.message)
    process.exitCode = 1
  }
}
