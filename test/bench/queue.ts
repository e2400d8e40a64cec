/**
 * How a queue of many messages bears on everything else: `node test/bench/queue.ts [100000]`. Half of them are
 * for a server that refuses connections, half for one that takes them and never says a word. Meanwhile mail for
 * a third one has to flow as it does through another server of ours, whose queue is empty: both are measured in
 * turns. Then the queue is listed, searched, paused, hurried and emptied over the API. While each of these runs,
 * another client asks for something small over and over: its slowest answer tells how long nobody was served.
 * Prints all as JSON.
 */
import { readFileSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as wait } from 'node:timers/promises'
import type { AccountId } from '#base/id.ts'
import { enqueue, QueueIds } from '#queue/enqueue.ts'
import { basicAuth, startServer, type TestServer } from '../harness/server.ts'
import { freePorts } from '../harness/free-ports.ts'
import { openTestStore, temporaryDirectory } from '../harness/store.ts'
import { prepareOutbound } from './load/outbound-job.ts'
import { Template } from './load/messages.ts'
import { SmtpClient } from './load/smtp-client.ts'
import { Timings } from './load/timings.ts'
import { sharedReadBuffer } from './load/wire.ts'
import { cpuTimeMs } from './process-cost.ts'
import { outboundAddress, outboundDomain, type Target } from './target.ts'

const user = 'u1@bench.example'
const password = 'bench-secret-of-postern'
const sizeBytes = 4096
const fillAtOnce = 200
/** Five seconds each. */
const turns = 8
const day = 86_400_000

interface Life extends AsyncDisposable {
  readonly server: TestServer
  readonly target: Target
  readonly startMs: number
}

async function main(wanted: number): Promise<void> {
  await using stack = new AsyncDisposableStack()
  const silent = createServer(() => undefined)
  stack.defer(() => void silent.close())
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const free = stack.use(await freePorts(2))
  const [sinkPort = 0, refusing = 0] = free.ports
  const config = configuration(sinkPort, refusing, (silent.address() as AddressInfo).port)
  const begin = async (directory: string): Promise<Life> => begun({ directory, config, sinkPort })
  const directories = [temporaryDirectory(), temporaryDirectory()] as const
  stack.defer(() => directories.forEach((directory) => rmSync(directory, { recursive: true, force: true })))

  const empty = stack.use(await begin(directories[0]))
  await empty.server.createAccount(user, password)
  const first = await begin(directories[1])
  const admin = first.server.adminPassword ?? ''
  await first.server.createAccount(user, password)
  await first.server.process.stop()
  await first[Symbol.asyncDispose]()
  const startMs = { empty: await starts(() => begin(directories[1])), full: 0 }
  const startedAt = performance.now()
  await fill(join(directories[1], 'data'), wanted)
  const filledPerSecond = Math.round((wanted * 1000) / (performance.now() - startedAt))

  startMs.full = await starts(() => begin(directories[1]))
  const full = stack.use(await begin(directories[1]))
  const results = {
    messages: wanted,
    filledPerSecond,
    startMs,
    flows: await inTurns(empty.target, full.target),
    calls: await calls(full.server, admin),
    memoryAtTheEnd: memoryOf(full.server.process.pid),
  }
  process.stdout.write(`${JSON.stringify(results, undefined, 2)}\n`)
}

/** The median of five. */
async function starts(begin: () => Promise<Life>): Promise<number> {
  const taken: number[] = []
  for (let i = 0; i < 5; i++) {
    const life = await begin()
    taken.push(life.startMs)
    await life.server.process.stop()
    await life[Symbol.asyncDispose]()
  }
  return taken.toSorted((a, b) => a - b)[2]!
}

async function begun(o: { directory: string; config: string; sinkPort: number }): Promise<Life> {
  const startedAt = performance.now()
  const server = await startServer(o)
  const startMs = Math.round(performance.now() - startedAt)
  const target = {
    name: 'postern',
    submission: { host: '127.0.0.1', port: server.submissionsPort, secure: true },
    sinkPort: o.sinkPort,
    user,
    password,
    accounts: 1,
    pids: [server.process.pid],
  }
  return { server, target, startMs, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
}

function configuration(sinkPort: number, refusing: number, silent: number): string {
  const route = (name: string, domain: string, address: string, port: number) =>
    `[MtaRoute.${name}]\ndomains = ["${domain}"]\naddress = "${address}"\nport = ${port}\n`
  return [
    '[MtaOutboundStrategy]\nmaxRecipientsPerHour = 0\nmaxRecipientsPerDay = 0\n',
    route('sink', outboundDomain(1), outboundAddress(1), sinkPort),
    route('refusing', 'refusing.example', '127.0.0.1', refusing),
    route('silent', 'silent.example', '127.0.0.1', silent),
  ].join('')
}

/** Straight into the store, as if each had just been submitted. */
async function fill(directory: string, wanted: number): Promise<void> {
  await using store = await openTestStore('lmdb', { directory })
  const ids = new QueueIds()
  const template = new Template(1, sizeBytes)
  const one = async (i: number): Promise<void> => {
    template.stamp(i)
    const stager = store.blobs.stager({ maxBytes: sizeBytes * 2 })
    await stager.write(template.withDot.subarray(0, sizeBytes))
    const staged = await stager.finish()
    const address = `r${i}@${i % 2 === 0 ? 'refusing' : 'silent'}.example`
    const now = Date.now()
    const message = {
      from: `u${i % 100}@bench.example`,
      before:
        'Received: from client.bench.example by mail.example.org;\r\n\tSat, 28 Nov 2026 05:06:07 +0000\r\n',
      added: {},
      is8bit: false,
      needsUtf8: false,
      source: 'submitted',
      account: 0 as AccountId,
      receivedAt: now,
      heldUntil: 0,
    } as const
    const recipients = [{ address, queue: 'remote', expiresAt: now + 3 * day }]
    await store.db.write([], (tx) => enqueue(tx, ids, staged, message, recipients))
  }
  for (let at = 0; at < wanted; at += fillAtOnce)
    await Promise.all(Array.from({ length: Math.min(fillAtOnce, wanted - at) }, (_, i) => one(at + i)))
}

/** The first of the full one is while it puts off what it cannot begin, which takes a minute. */
async function inTurns(empty: Target, full: Target): Promise<readonly object[]> {
  const flows: object[] = []
  for (let turn = 0; turn < turns; turn++) {
    for (const [queue, target] of Object.entries({ empty, full }))
      flows.push({ queue, ...(await flow(target)), memory: memoryOf(target.pids[0]!) })
  }
  return flows
}

async function calls(server: TestServer, admin: string): Promise<Readonly<Record<string, object>>> {
  const ask = asker(server, admin)
  const timed: Record<string, object> = {}
  for (const [name, method, path] of [...requests(), ...changes()])
    timed[name] = await watched(server, () => ask(method, path))
  return timed
}

/** Without the pages of the store's file, which are in memory as long as nobody else needs it. */
function memoryOf(pid: number): string {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1')
  const kibibytes = Number(/^Anonymous: +(\d+) kB/m.exec(rollup)?.[1])
  return `${Math.round(kibibytes / 1024)} MB`
}

/** As many messages as four clients can submit, to a server that takes them. */
async function flow(target: Target) {
  const job = await prepareOutbound({
    kind: 'outbound',
    target,
    connections: 4,
    seconds: 5,
    sizeBytes,
    destinations: 1,
  })
  const before = cpuTimeMs(target.pids)!
  const { operations, failures, visibleMs = 0, firstTry } = await job.run()
  const cpuMs = cpuTimeMs(target.pids)! - before
  await job.release()
  return {
    perSecond: Math.round((operations * 1000) / visibleMs),
    failures,
    firstTryP50Ms: rounded(firstTry?.p50Ms ?? 0),
    firstTryP99Ms: rounded(firstTry?.p99Ms ?? 0),
    serverCpuMsEach: rounded(cpuMs / operations),
  }
}

type Request = readonly [name: string, method: string, path: string]

function requests(): readonly Request[] {
  const list = '/api/queue/messages'
  return [
    ['page', 'GET', `${list}?limit=100`],
    ['page 500', 'GET', `${list}?limit=100&page=500`],
    ['page, whole', 'GET', `${list}?limit=100&values=1`],
    ['search, few hits', 'GET', `${list}?limit=100&text=r777`],
    ['search, half', 'GET', `${list}?limit=100&to=silent`],
    ['search, no hits', 'GET', `${list}?limit=100&text=nobody`],
    ['search by sender', 'GET', `${list}?limit=100&from=u77@`],
    ['objects of a domain', 'GET', '/api/object/QueuedMessage?limit=100&domain=silent.example'],
    ['objects by status', 'GET', '/api/object/QueuedMessage?limit=100&status=refused'],
    ['metrics', 'GET', '/metrics'],
  ]
}

function changes(): readonly Request[] {
  const list = '/api/queue/messages'
  return [
    [
      'retry half in an hour',
      'PATCH',
      `${list}?to=refusing&at=${new Date(Date.now() + 3_600_000).toISOString()}`,
    ],
    ['pause', 'PATCH', '/api/queue/status/stop'],
    ['resume', 'PATCH', '/api/queue/status/start'],
    ['retry half now', 'PATCH', `${list}?to=silent`],
    ['cancel half', 'DELETE', `${list}?to=refusing`],
    ['cancel the rest', 'DELETE', list],
  ]
}

/** How long a request takes, and what others had to wait meanwhile. */
async function watched(server: TestServer, request: () => Promise<unknown>) {
  const smtp = await SmtpClient.open({ host: '127.0.0.1', port: server.smtpPort }, sharedReadBuffer())
  const waits = new Timings()
  let isOver = false
  const watch = (async () => {
    while (!isOver) {
      const askedAt = performance.now()
      await smtp.exchange(['NOOP\r\n'], 1)
      waits.add(performance.now() - askedAt)
      await wait(1)
    }
  })()
  await wait(50)
  const startedAt = performance.now()
  const said = await request()
  const ms = rounded(performance.now() - startedAt)
  isOver = true
  await watch
  smtp.close()
  return {
    ms,
    othersWaitedP99Ms: rounded(waits.percentile(0.99)),
    othersWaitedMostMs: rounded(waits.percentile(1)),
    said,
  }
}

/** Returns how many there are, where the answer says it. */
const asker =
  ({ httpPort }: TestServer, admin: string) =>
  async (method: string, path: string): Promise<unknown> => {
    const answer = await fetch(`http://127.0.0.1:${httpPort}${path}`, {
      method,
      headers: { authorization: basicAuth('admin', admin) },
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text.slice(0, 500)}`)
    if (!text.startsWith('{')) return undefined
    const { data } = JSON.parse(text) as { data: { total?: number } | boolean }
    return typeof data === 'object' ? data.total : data
  }

const rounded = (ms: number): number => Math.round(ms * 100) / 100

await main(Number(process.argv[2] ?? 100_000))
