/**
 * `npm run bench`: measures mail servers over real sockets, each workload on every server in turn, so that what
 * else the machine does hits all of them alike. Results as JSON on stdout, a table for reading on stderr.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import path from 'node:path'
import { LoadProcess } from './load-process.ts'
import { measure, measureCold, type Measurement, withCost } from './measurement.ts'
import { connectionMemory, idleMemory, type MemoryFigures, soak, type SoakFigures } from './memory.ts'
import { type Workload, workloads } from './plan.ts'
import {
  disagreements,
  markdown,
  measurementRow,
  plainTable,
  type Results,
  soakLine,
  tableRows,
} from './report.ts'
import { type Options, parseOptions, type Target, usage } from './target.ts'
import { prepareCyrus, startCyrus } from './targets/cyrus.ts'
import { startDovecot } from './targets/dovecot.ts'
import { preparePeers, startPeers } from './targets/peers.ts'
import { startPostern } from './targets/postern.ts'
import { dropPageCache, type StartedServer } from './targets/started.ts'

const accounts = 100

function say(text: string): void {
  process.stderr.write(`${text}\n`)
}

/** Starts what the options ask for, in the order of the columns. */
async function startServers(
  options: Options,
  stack: AsyncDisposableStack,
): Promise<readonly StartedServer[]> {
  const servers: StartedServer[] = []
  if (options.targets.length === 0) {
    try {
      servers.push(stack.use(await startPostern(accounts, options.keep)))
    } catch (error) {
      // With peers there is still something to measure.
      if (!options.peers) throw error
      say(`failed: ${error instanceof Error ? error.message : String(error)}`)
      process.exitCode = 1
    }
  }
  const needs = new Set(workloads(options, options.only).map((one) => one.needs))
  if (options.peers && needs.has('jmap')) {
    const problem = prepareCyrus()
    if (problem === undefined) servers.push(stack.use(await startCyrus(accounts, options.keep)))
    else say(`skipped: Cyrus (${problem})`)
  }
  if (options.peers && (needs.size > 1 || !needs.has('jmap'))) {
    const problem = preparePeers()
    if (problem === undefined) {
      const kind = { accounts, isSynced: options.synced }
      servers.push(stack.use(await startPeers(kind, options.keep)))
      for (const format of ['maildir', 'mdbox'] as const)
        servers.push(stack.use(await startDovecot({ ...kind, format }, options.keep)))
    }
    if (problem !== undefined) say(`skipped: peers (${problem})`)
  }
  return servers
}

async function memoryPhase(
  load: LoadProcess,
  targets: readonly Target[],
  options: Options,
): Promise<readonly MemoryFigures[]> {
  if (options.only !== undefined && !options.only.test('memory')) return []
  const started = targets.flatMap((target) =>
    target.pids.length > 0 ? [{ target, idle: idleMemory(target) }] : [],
  )
  const figures: MemoryFigures[] = started.map(({ idle }) => idle)
  for (const secure of [false, true]) {
    for (const { target, idle } of started) {
      if (options.idle === 0 || (secure ? target.imaps : target.imap) === undefined) continue
      const measured = await connectionMemory(load, target, idle.memory, options.idle, secure)
      const each = `${Math.round((measured.pssPerConnection ?? 0) / 1024)} KiB each`
      say(`  ${target.name}: ${measured.name}: ${measured.note ?? each}`)
      figures.push(measured)
    }
  }
  return figures
}

/** Where this fails the workloads that need the mailbox fail too, each with its reason. */
async function fill(load: LoadProcess, target: Target, messages: number): Promise<void> {
  if (target.imap === undefined) return
  try {
    const job = { kind: 'fill', target, connections: 1, seconds: 300, messages } as const
    const { result, cpuMs = 0 } = await withCost(load, job, target)
    if (result.operations === 0) return
    const each = `${(cpuMs / result.operations).toFixed(3)} ms of CPU each until they were indexed`
    say(
      `  ${target.name}: ${messages} messages put into the mailbox in ${Math.round(result.elapsedMs)} ms, ${each}`,
    )
  } catch (error) {
    say(`  ${target.name}: the mailbox could not be filled: ${String(error)}`)
  }
}

async function workloadPhase(
  load: LoadProcess,
  targets: readonly Target[],
  options: Options,
): Promise<readonly Measurement[]> {
  const plan = workloads(options, options.only).filter(({ cold }) => !cold)
  const measurements: Measurement[] = []
  for (const [at, workload] of plan.entries()) {
    // The order changes with every workload, so that no server always comes after the other.
    const order = at % 2 === 0 ? targets : targets.toReversed()
    for (const target of order) {
      if (!isMeasured(workload, target)) continue
      const measurement = await measure(load, workload, target, options.seconds)
      measurements.push(measurement)
      if (measurement.note !== undefined) say(`  ${target.name}: ${workload.name}: ${measurement.note}`)
    }
    sayRow(workload, targets, measurements)
  }
  return measurements
}

const isMeasured = ({ needs }: Workload, target: Target): boolean =>
  target[needs] !== undefined && (target.only === undefined || target.only === needs)

function sayRow({ name }: Workload, targets: readonly Target[], measurements: readonly Measurement[]): void {
  const columns = targets.map((target) => target.name)
  say(`  ${measurementRow(name, columns, measurements).join(' | ')}`)
}

/** What servers take that have just been started, and must read everything from the disk. */
async function coldPhase(
  load: LoadProcess,
  servers: readonly StartedServer[],
  options: Options,
): Promise<readonly Measurement[]> {
  const measurements: Measurement[] = []
  for (const workload of workloads(options, options.only).filter(({ cold }) => cold)) {
    for (const server of servers.filter(({ target }) => isMeasured(workload, target)))
      measurements.push(await measureCold(load, workload, server.target, () => server.restart(dropPageCache)))
    sayRow(
      workload,
      servers.map(({ target }) => target),
      measurements,
    )
  }
  return measurements
}

/** Every mailbox that one of the workloads reads. */
async function fillAll(load: LoadProcess, targets: readonly Target[], options: Options): Promise<void> {
  const sizes = new Set(workloads(options, options.only).flatMap(({ mailbox }) => mailbox ?? []))
  for (const size of sizes) for (const target of targets) await fill(load, target, size)
}

async function restarted(servers: readonly StartedServer[]): Promise<readonly Target[]> {
  const targets: Target[] = []
  for (const server of servers) targets.push(await server.restart())
  return targets
}

function save(name: string, value: unknown): string {
  const folder = path.join(import.meta.dirname, 'results')
  mkdirSync(folder, { recursive: true })
  const file = path.join(folder, `${name}-${new Date().toISOString().replaceAll(/[:.]/g, '-')}.json`)
  writeFileSync(file, `${JSON.stringify(value, undefined, 2)}\n`)
  return file
}

async function soakPhase(load: LoadProcess, targets: readonly Target[], options: Options): Promise<void> {
  const figures: SoakFigures[] = []
  for (const target of targets) {
    await fill(load, target, options.messages)
    try {
      const measured = await soak(load, target, options.soakMinutes, options.messages)
      say(soakLine(measured))
      figures.push(measured)
    } catch (error) {
      say(`failed: ${target.name}: ${String(error)}`)
      process.exitCode = 1
    }
  }
  say(`saved: ${path.relative(process.cwd(), save('soak', figures))}`)
  process.stdout.write(`${JSON.stringify(figures, undefined, 2)}\n`)
}

async function bench(options: Options): Promise<void> {
  await using stack = new AsyncDisposableStack()
  // Postfix runs in the background: without this it would survive a Ctrl-C.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      const end = () => process.exit(1)
      stack.disposeAsync().then(end, end)
    })
  }
  const servers = await startServers(options, stack)
  const targets = [...options.targets, ...servers.map(({ target }) => target)]
  const load = new LoadProcess()
  stack.defer(() => load.close())
  if (options.soakMinutes > 0) return await soakPhase(load, targets, options)
  // Every Dovecot has the same processes: of one of them memory is enough.
  const started = servers.map(({ target }) => target).filter(({ smtp }) => smtp !== undefined)
  const memory = await memoryPhase(load, [...options.targets, ...started], options)
  // Thousands of connections leave processes and buffers behind that the workloads must not meet.
  const fresh = memory.length === 0 ? targets : [...options.targets, ...(await restarted(servers))]
  await fillAll(load, fresh, options)
  for (const server of servers) server.settle?.()
  const warm = await workloadPhase(load, fresh, options)
  const measurements = [...warm, ...(await coldPhase(load, servers, options))]
  const results: Results = {
    command: `npm run bench -- ${process.argv.slice(2).join(' ')}`
      .replace(/password=[^, ]+/g, 'password=...')
      .trim(),
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} cores ${cpus()[0]?.model ?? ''}, ${Math.round(totalmem() / 2 ** 30)} GB, Node ${process.versions.node}`,
    targets: targets.map(({ name }) => name),
    versions: Object.assign({}, ...servers.map((server) => server.versions)) as Record<string, string>,
    seconds: options.seconds,
    messages: options.messages,
    starts: servers.flatMap(({ start }) => start ?? []),
    memory,
    measurements,
  }
  say(`\n${plainTable(tableRows(results))}\n`)
  for (const line of disagreements(measurements)) say(`differs: ${line}`)
  say(`saved: ${path.relative(process.cwd(), save('bench', results))}`)
  process.stdout.write(options.markdown ? markdown(results) : `${JSON.stringify(results, undefined, 2)}\n`)
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2))
  if (options === 'help') return say(usage)
  if (options.list)
    return say(
      workloads(options, options.only)
        .map(({ name }) => name)
        .join('\n'),
    )
  await bench(options)
}

try {
  await main()
} catch (error) {
  say(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}
