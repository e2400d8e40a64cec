/**
 * The server as a process: what it says at the terminal, which signals it obeys, and how it ends. Exit codes:
 * 0 stopped in order, 1 could not start or cannot go on, 130 told twice to stop.
 */
import { dirname, join, relative } from 'node:path'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Worker } from 'node:worker_threads'
import { Advice, adviseOn } from './terminal/advice.ts'
import { readArguments, type ServerArguments, usage } from './terminal/arguments.ts'
import { bestUrl, composeBanner } from './terminal/banner.ts'
import { serverFailed, serverReady } from './events.ts'
import { type RunningServer, startServer } from './start.ts'
import type { Spawn } from './threads.ts'
import { version } from './version.ts'

/** How long sessions may finish what they have begun; a busy machine needs a while for the rest. */
const drainMs = 7000
/** By then the process is gone, whatever still hangs. */
const stopMs = 9700

export interface ProcessThreads {
  readonly spawn: Spawn
  /** Without a store yet, and without keeping the process alive. */
  readonly committer: Worker
}

/** The whole life of the process. Returns when the server runs. */
export async function runProcess(
  args: readonly string[],
  mainFile: string,
  threads: ProcessThreads,
): Promise<void> {
  try {
    const wanted = readArguments(args, process.env)
    if (wanted.do === 'help') process.stdout.write(usage)
    else if (wanted.do === 'version') process.stdout.write(`Postern ${version}\n`)
    else await run(wanted, mainFile, threads)
  } catch (error) {
    fail(error, undefined)
  }
}

async function run(wanted: ServerArguments, mainFile: string, threads: ProcessThreads): Promise<void> {
  const state: { server: RunningServer | undefined; stopping: boolean } = {
    server: undefined,
    stopping: false,
  }
  const onFailure = (error: unknown): void => fail(error, state.server)
  process.on('uncaughtException', onFailure)
  process.on('unhandledRejection', onFailure)

  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    if (state.stopping) {
      if (signal === 'SIGINT') process.exit(130)
      return
    }
    state.stopping = true
    setTimeout(() => fail(new Error('closing took too long'), state.server), stopMs).unref()
    await state.server?.stop(signal, drainMs)
    process.exit(0)
  }
  process.on('SIGTERM', (signal) => void stop(signal))
  process.on('SIGINT', (signal) => void stop(signal))
  // Whoever reads what is printed may go; the server stays.
  process.stdout.on('error', () => undefined)
  process.on('SIGHUP', () => void state.server?.reload())

  const { directory, configPath } = wanted
  const server = await startServer({ directory, configPath, environment: process.env, ...threads, onFailure })
  state.server = server
  if (state.stopping) return
  const useColour = process.stdout.isTTY && process.env['NO_COLOR'] === undefined
  process.stdout.write(
    composeBanner(
      {
        server: server.facts,
        publicUrl: server.publicUrl,
        directory: fromHere(directory),
        engine: server.engine,
        adminPassword: server.adminPassword,
        hasDomains: server.hasDomains,
        command: commandLine(mainFile, directory, server),
      },
      useColour,
    ),
  )
  server.telemetry.emit(serverReady, { version, workers: server.workers, startedIn: performance.now() })
}

/** Says why, and ends the process. What was acknowledged is on disk: nothing is lost by ending at once. */
function fail(error: unknown, server: RunningServer | undefined): void {
  const told = adviseOn(error)
  if (told instanceof Advice) process.stderr.write(`${told.message.trimEnd()}\n`)
  else if (server === undefined) process.stderr.write(`Postern cannot start.\n${stackOf(told)}\n`)
  else server.telemetry.emit(serverFailed, { error: told })
  process.exit(1)
}

const stackOf = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error)

/** As short as it can be said from the current directory. */
function fromHere(path: string): string {
  const there = relative(process.cwd(), path)
  if (there === '') return '.'
  return there.startsWith('..') ? path : `./${there}`
}

/** How `postern` is called from here, with the options that this server needs. */
function commandLine(mainFile: string, directory: string, server: RunningServer): string {
  const words = [programPath(dirname(fileURLToPath(mainFile)))]
  const isUsual = process.env['POSTERN_DATA'] === undefined && fromHere(directory) === './data'
  if (!isUsual) words.push('--data', quoted(fromHere(directory)))
  const url = bestUrl(server.facts.listeners)
  if (url !== undefined && url !== 'http://127.0.0.1:8080/') words.push('--url', url)
  return words.join(' ')
}

/** Beside the sources or the bundle, where it is run from a clone; else wherever it is installed. */
function programPath(here: string): string {
  const own = [join(here, '../bin/postern.js'), join(here, '../../bin/postern.js')].find(existsSync)
  return own === undefined ? 'postern' : quoted(fromHere(own))
}

const quoted = (word: string): string =>
  /^[\w./@:-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
