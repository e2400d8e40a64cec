/**
 * This tree's server, started as `npm start` does it, on a temporary data directory and ports of its own, with
 * routes to the bench's sink, a name server beside it and no limit of what an account may send or ask or how often it
 * is signed in; all else as it is by default. Its accounts come through the API, as an administrator's script would
 * make them.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { startDns } from '../../harness/dns.ts'
import { outboundAddress, outboundDestinations, outboundDomain, type Target } from '../target.ts'
import { dataDirectory, freePorts, greeting, loopback, type StartedServer } from './started.ts'

const root = path.resolve(import.meta.dirname, '../../..')
const domain = 'bench.example'
const password = 'bench-secret-of-postern'
/** The first start of a changed tree makes the bundle. */
const startLimitMs = 60_000
/** Is there where the accounts are. */
const readyFile = 'ready'
const stopLimitMs = 15_000
const bannerLimitMs = 5000

interface Ports {
  readonly smtp: number
  readonly imap: number
  readonly imaps: number
  readonly http: number
  readonly submissions: number
  /** Of the servers that mail for others goes to. */
  readonly sink: number
  /** Of the name server. */
  readonly dns: number
}

/** What the checks of a sender find: SPF that passes, a name that leads back, no policy. */
const zones = {
  'elsewhere.example': { TXT: ['v=spf1 ip4:127.0.0.0/8 -all'] },
  'client.bench.example': { A: ['127.0.0.1'] },
  '1.0.0.127.in-addr.arpa': { PTR: ['client.bench.example'] },
} as const

interface RunningProcess {
  readonly pid: number
  readonly startMs: number
  /** What it printed. */
  output(): string
  stop(): Promise<void>
}

/** Throws Error with what the server printed when it does not come up. */
export async function startPostern(accounts: number, keep: string | undefined): Promise<StartedServer> {
  const data = dataDirectory(keep, 'postern')
  const directory = data.path
  let running: RunningProcess | undefined
  const dns = await startDns(zones)
  const remove = async (): Promise<void> => {
    await running?.stop()
    await dns[Symbol.asyncDispose]()
    data.remove()
  }
  try {
    const [smtp = 0, imap = 0, imaps = 0, http = 0, submissions = 0, sink = 0] = await freePorts(6)
    const ports = { smtp, imap, imaps, http, submissions, sink, dns: dns.port }
    writeFileSync(path.join(directory, 'server.toml'), configuration(ports))
    // Makes the bundle where there is none, which is not what starting takes.
    await (await start(directory, 'unused', ports)).stop()
    const isKept = existsSync(path.join(directory, readyFile))
    const first = await start(directory, 'data', ports)
    const admin = isKept ? undefined : await adminPassword(first)
    await first.stop()
    running = await start(directory, 'data', ports)
    if (admin !== undefined) {
      await createAccounts(ports.http, admin, accounts)
      writeFileSync(path.join(directory, readyFile), '')
    }
    return {
      target: target(ports, accounts, running.pid),
      restart: async (whileStopped) => {
        await running?.stop()
        whileStopped?.()
        running = await start(directory, 'data', ports)
        return target(ports, accounts, running.pid)
      },
      ...(!isKept && { start: { target: 'postern', firstMs: first.startMs, againMs: running.startMs } }),
      versions: { Postern: versionOf(root) },
      [Symbol.asyncDispose]: remove,
    }
  } catch (error) {
    await remove()
    throw error
  }
}

function target(ports: Ports, accounts: number, pid: number): Target {
  return {
    name: 'postern',
    smtp: { host: loopback, port: ports.smtp },
    submission: { host: loopback, port: ports.submissions, secure: true },
    sinkPort: ports.sink,
    imap: { host: loopback, port: ports.imap },
    jmap: { host: loopback, port: ports.http },
    imaps: { host: loopback, port: ports.imaps },
    user: `u%d@${domain}`,
    password,
    accounts,
    pids: [pid],
  }
}

function configuration(ports: Ports): string {
  const listener = (id: string, protocol: string, port: number, more = '') =>
    `[server.listener.${id}]\nbind = ["${loopback}:${port}"]\nprotocol = "${protocol}"\n${more}\n`
  return [
    // As the peers: the workloads sign in without TLS.
    '[imap.auth]\nallow-plain-text = true\n\n',
    '[imap.rate-limit]\nconcurrent = 100000\n\n',
    '[Jmap]\nmaxConcurrentRequests = 1000\n\n',
    '[Http]\nrateLimitAuthenticated = "off"\nrateLimitAnonymous = "off"\n\n',
    listener('smtp', 'smtp', ports.smtp),
    listener('imap', 'imap', ports.imap),
    listener('imaps', 'imap', ports.imaps, 'tls.implicit = true\n'),
    listener('http', 'http', ports.http, 'tls.enable = false\n'),
    listener('submissions', 'smtp', ports.submissions, 'tls.implicit = true\n'),
    `[DnsResolver]\ntype = "custom"\nservers = [{ address = "${loopback}", port = ${ports.dns} }]\n`,
    '[MtaOutboundStrategy]\nmaxRecipientsPerHour = 0\nmaxRecipientsPerDay = 0\n',
    ...Array.from({ length: outboundDestinations }, (_, at) => route(at + 1, ports.sink)),
  ].join('')
}

const route = (number: number, sinkPort: number): string =>
  `[MtaRoute.sink${number}]\ndomains = ["${outboundDomain(number)}"]\naddress = "${outboundAddress(number)}"\nport = ${sinkPort}\n`

/** `name`: the data directory inside `directory`. */
async function start(directory: string, name: string, ports: Ports): Promise<RunningProcess> {
  const log = path.join(directory, `${name}-${performance.now()}.log`)
  const output = () => readFileSync(log, 'utf8')
  const file = openSync(log, 'w')
  const args = ['--config', path.join(directory, 'server.toml'), '--data', path.join(directory, name)]
  const startedAt = performance.now()
  const child = spawn(
    process.execPath,
    [...startFlags(), path.join(root, 'bin/launch.js'), 'start', ...args],
    {
      cwd: directory,
      env: { ...startVariables(), ...process.env },
      stdio: ['ignore', file, file],
    },
  )
  closeSync(file)
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const gone = () => (hasEnded(child) ? `this tree's server ended:\n${output().slice(-2000)}` : undefined)
  const stop = async () => {
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), stopLimitMs)
    if (!hasEnded(child)) await ended
    clearTimeout(timer)
  }
  try {
    await greeting({ host: loopback, port: ports.smtp }, startLimitMs, gone)
  } catch (error) {
    await stop()
    throw error
  }
  return { pid: child.pid!, startMs: performance.now() - startedAt, output, stop }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

/** The banner comes when all listeners are open, which is a little after the first of them is. */
async function adminPassword(server: RunningProcess): Promise<string> {
  const end = performance.now() + bannerLimitMs
  for (;;) {
    const output = server.output()
    const found = /^admin password: (.+)$/m.exec(output)?.[1]
    if (found !== undefined) return found.trim()
    if (performance.now() > end)
      throw new Error(`the server printed no admin password:\n${output.slice(0, 2000)}`)
    await wait(20)
  }
}

async function createAccounts(httpPort: number, admin: string, accounts: number): Promise<void> {
  const create = async (principal: object) => {
    const answer = await fetch(`http://${loopback}:${httpPort}/api/principal`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(`admin:${admin}`).toString('base64')}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify(principal),
    })
    if (!answer.ok) throw new Error(`POST /api/principal: ${answer.status} ${await answer.text()}`)
  }
  await create({ type: 'domain', name: domain })
  for (let number = 1; number <= accounts; number++) {
    const name = `u${number}@${domain}`
    await create({ type: 'individual', name, emails: [name], secrets: [password] })
  }
}

/** What `npm start` tells Node. */
const startFlags = (): readonly string[] => startWords().filter((word) => word.startsWith('--'))

/** What it sets in the environment. */
const startVariables = (): NodeJS.ProcessEnv =>
  Object.fromEntries(
    startWords()
      .map((word) => /^([A-Z_]+)=(.*)$/.exec(word))
      .flatMap((found) => (found === null ? [] : [[found[1]!, found[2]!]])),
  )

function startWords(): readonly string[] {
  const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    scripts: { start: string }
  }
  return scripts.start.split(' ')
}

function versionOf(folder: string): string {
  const { version } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as {
    version: string
  }
  return version
}
