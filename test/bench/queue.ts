/**
 * How a queue of many messages bears on everything else: `node test/bench/queue.ts [100000]`. Half of them are
 * for a server that refuses connections, half for one that takes them and never says a word; meanwhile mail for
 * a third one has to flow as it does with an empty queue. Then the queue is listed, searched, paused, hurried
 * and emptied over the API. While each of these runs, another client asks for something small over and over: its
 * slowest answer tells how long nobody was served. Prints all as JSON.
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
const day = 86_400_000

interface Setup {
  readonly directory: string
  readonly config: string
  readonly sinkPort: number
}

async function main(wanted: number): Promise<void> {
  const directory = temporaryDirectory()
  const silent = createServer(() => undefined)
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const free = await freePorts(2)
  const [sinkPort = 0, refusing = 0] = free.ports
  const config = configuration(sinkPort, refusing, (silent.address() as AddressInfo).port)
  const setup = { directory, config, sinkPort }
  try {
    const { admin, ...empty } = await underMail(setup, undefined)
    const startedAt = performance.now()
    await fill(join(directory, 'data'), wanted)
    const filledPerSecond = Math.round((wanted * 1000) / (performance.now() - startedAt))
    const { admin: _, ...full } = await underMail(setup, admin)
    process.stdout.write(
      `${JSON.stringify({ messages: wanted, filledPerSecond, empty, full }, undefined, 2)}\n`,
    )
  } finally {
    silent.close()
    await free[Symbol.asyncDispose]()
    rmSync(directory, { recursive: true, force: true })
  }
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

/** A life of the server: what is measured with an empty queue is measured with a full one too. */
async function underMail({ directory, config, sinkPort }: Setup, known: string | undefined) {
  const startedAt = performance.now()
  await using server = await startServer({ directory, config })
  const startMs = Math.round(performance.now() - startedAt)
  const admin = known ?? server.adminPassword ?? ''
  if (known === undefined) await server.createAccount(user, password)
  const target: Target = {
    name: 'postern',
    submission: { host: '127.0.0.1', port: server.submissionsPort, secure: true },
    sinkPort,
    user,
    password,
    accounts: 1,
    pids: [server.process.pid],
  }
  const memory: string[] = []
  const remember = () => memory.push(memoryOf(server.process.pid))
  const flows = [await flow(target)]
  remember()
  if (known !== undefined) {
    // The refusing server is known to be dead by now, the silent one is waited for.
    flows.push(await flow(target))
    remember()
  }
  const ask = asker(server, admin)
  const calls: Record<string, object> = {}
  for (const [name, method, path] of known === undefined ? [] : requests())
    calls[name] = await watched(server, () => ask(method, path))
  if (known !== undefined) {
    flows.push(await flow(target))
    remember()
    for (const [name, method, path] of changes()) calls[name] = await watched(server, () => ask(method, path))
    remember()
  }
  await server.process.stop()
  return { admin, startMs, flows, memory, calls }
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
