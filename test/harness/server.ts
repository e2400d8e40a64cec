/**
 * The real server as a process of its own, for stories that need one: fresh data directory, free ports, and
 * whatever it prints kept for failures. POSTERN_TEST_BUNDLE=1 runs the bundle instead of the sources.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Conversation } from './conversation.ts'
import { freePorts } from './free-ports.ts'
import { temporaryDirectory } from './store.ts'

const root = new URL('../../', import.meta.url)
const sources = fileURLToPath(new URL('src/server/main.ts', root))
const bundle = fileURLToPath(new URL('dist/server.js', root))
const usual = process.env['POSTERN_TEST_BUNDLE'] === '1' ? bundle : sources

/** As package.json starts it. */
const flags = ['--max-semi-space-size=8']

/** A guard against a server that hangs; no test depends on how long it is. */
const hangMs = 120_000

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** The program with any arguments, also where it is to fail. */
export class ServerProcess implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly exited: Promise<Ended>
  #output = ''
  #wake: () => void = () => {}
  #isOver = false

  constructor(
    args: readonly string[],
    o: {
      cwd?: string
      env?: Readonly<Record<string, string>>
      through?: readonly string[]
      isBundle?: true
    } = {},
  ) {
    const program = o.isBundle === true ? bundle : usual
    const { POSTERN_DATA: _, ...env } = process.env
    const [command = '', ...words] = [...(o.through ?? []), process.execPath, ...flags, program, ...args]
    const child = spawn(command, words, {
      cwd: o.cwd,
      env: { ...env, ...o.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text
        this.#wake()
      })
    }
    this.exited = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        this.#isOver = true
        this.#wake()
        resolve({ code, signal })
      })
    })
  }

  get pid(): number {
    return this.#child.pid!
  }

  /** Banner, log and errors so far. */
  get output(): string {
    return this.#output
  }

  /** Resolves when the text has been printed; fails where the program ends without. */
  async printed(text: string): Promise<void> {
    const timer = setTimeout(() => {
      this.#isOver = true
      this.#wake()
    }, hangMs)
    try {
      while (!this.#output.includes(text)) {
        if (this.#isOver) assert.fail(`the server did not print "${text}":\n${this.#output}`)
        await new Promise<void>((resolve) => (this.#wake = resolve))
      }
    } finally {
      clearTimeout(timer)
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Ends it in order, or by `signal`. */
  stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    this.kill(signal)
    return this.exited
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('SIGKILL')
  }
}

export interface ServerPorts {
  readonly smtpPort: number
  readonly submissionPort: number
  readonly submissionsPort: number
  readonly lmtpPort: number
  readonly imapPort: number
  readonly imapsPort: number
  readonly httpPort: number
  readonly httpsPort: number
}

type PortName = keyof ServerPorts

const listeners: readonly (readonly [PortName, id: string, protocol: string, tlsImplicit: boolean])[] = [
  ['smtpPort', 'smtp', 'smtp', false],
  ['submissionPort', 'submission', 'smtp', false],
  ['submissionsPort', 'submissions', 'smtp', true],
  ['lmtpPort', 'lmtp', 'lmtp', false],
  ['imapPort', 'imap', 'imap', false],
  ['imapsPort', 'imaps', 'imap', true],
  ['httpPort', 'http', 'http', false],
  ['httpsPort', 'https', 'http', true],
]

export interface ServerOptions {
  readonly engine?: 'lmdb' | 'sqlite'
  /** Protocol workers. */
  readonly workers?: number
  /** Free disk space below which no mail is taken; none by default. */
  readonly reserveBytes?: number
  /** Asks the system's name servers, where `config` names no others; otherwise none. */
  readonly asksSystem?: true
  /** TOML in front of all tables. */
  readonly settings?: string
  /** TOML that is added to the configuration. */
  readonly config?: string
  /** Of an earlier server, to be used again; it is kept. */
  readonly directory?: string
  /** The bundle, which the test has built, as a release runs it. */
  readonly isBundle?: true
  /** A program that runs the server as its own process, with its arguments: strace -D. */
  readonly through?: readonly string[]
}

export interface TestServer extends ServerPorts, AsyncDisposable {
  readonly process: ServerProcess
  /** Holds the configuration, and the data directory `data`. */
  readonly directory: string
  /** As the banner said it; undefined where this was not the first start. */
  readonly adminPassword: string | undefined
  /** A request as the administrator; by plain HTTP. */
  api(method: string, path: string, body?: unknown): Promise<Response>
  /** Makes the domain too where it is missing. */
  createAccount(name: string, password: string): Promise<void>
  /** To a port of this server. */
  connect(port: number, o?: { tls?: true }): Promise<Conversation>
}

/** A server that is ready, on free ports; killed at the end. */
export async function startServer(o: ServerOptions = {}): Promise<TestServer> {
  const directory = o.directory ?? temporaryDirectory()
  const free = await freePorts(listeners.length)
  const ports = named(free.ports)
  const config = join(directory, 'server.toml')
  writeFileSync(config, configuration(ports, o))
  const args = ['--config', config, '--data', join(directory, 'data')]
  const server = new ServerProcess(args, {
    ...(o.through !== undefined && { through: o.through }),
    ...(o.isBundle && { isBundle: true }),
  })
  const remove = async (): Promise<void> => {
    await server[Symbol.asyncDispose]()
    await free[Symbol.asyncDispose]()
    if (o.directory === undefined) await rm(directory, { recursive: true, force: true })
  }
  try {
    await server.printed('server.ready')
  } catch (error) {
    await remove()
    throw error
  }
  const adminPassword = readAdminPassword(server.output)
  const api = apiOf(ports.httpPort, adminPassword ?? '')
  return {
    ...ports,
    process: server,
    directory,
    adminPassword,
    api,
    connect: (port, options = {}) => Conversation.connect(port, options),
    async createAccount(name, password) {
      const domain = await api('POST', '/api/principal', { type: 'domain', name: name.split('@')[1] })
      assert.ok(domain.ok || domain.status === 409, server.output)
      const account = { type: 'individual', name, emails: [name], secrets: [password] }
      const created = await api('POST', '/api/principal', account)
      assert.equal(created.status, 200, await created.text())
    },
    [Symbol.asyncDispose]: remove,
  }
}

export const readAdminPassword = (output: string): string | undefined =>
  /^admin password: (\S+)$/m.exec(output)?.[1]

export const basicAuth = (name: string, password: string): string =>
  `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`

export const apiOf =
  (port: number, password: string): TestServer['api'] =>
  (method, path, body) =>
    fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      headers: {
        authorization: basicAuth('admin', password),
        connection: 'close',
        'content-type': 'application/json',
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })

/** POSTERN_TEST_WORKERS: of servers where the test does not say how many. What holds with one holds with any number. */
const usualWorkers = Number(process.env['POSTERN_TEST_WORKERS'] ?? 1)

/** As listeners share a port between workers only where it is named, these are free ones, not 0. */
const named = (ports: readonly number[]): ServerPorts =>
  Object.fromEntries(listeners.map(([name], i) => [name, ports[i]!])) as Record<PortName, number>

/** Nothing listens on this port, so every question fails at once, wherever the tests run. */
const noDns = `
DnsResolver.type = "custom"
DnsResolver.servers = [{ address = "127.0.0.1", port = 1 }]
`

function configuration(ports: ServerPorts, o: ServerOptions): string {
  const sections = listeners.map(
    ([name, id, protocol, tlsImplicit]) => `
[server.listener.${id}]
bind = "127.0.0.1:${ports[name]}"
protocol = "${protocol}"
tls.implicit = ${tlsImplicit}
`,
  )
  return `
SystemSettings.defaultHostname = "mail.example.org"
SystemSettings.threadPoolSize = ${o.workers ?? usualWorkers}
DataStore.engine = "${o.engine ?? 'lmdb'}"
DataStore.reserve = ${o.reserveBytes ?? 0}
${o.asksSystem === true || o.config?.includes('DnsResolver') === true ? '' : noDns}
${o.settings ?? ''}
${sections.join('')}
${o.config ?? ''}`
}
