/**
 * Proxies in front of the server, with the configurations of docs/proxies as they stand there: only ports and
 * certificates are exchanged. A client at 127.0.0.2 talks to the proxy, which is at 127.0.0.1, and the server
 * has to know the client.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { WebSocket } from 'ws'
import { certificatePath, testCertificate, testKey } from '../harness/certificates.ts'
import { Conversation } from '../harness/conversation.ts'
import { freePorts } from '../harness/free-ports.ts'
import { basicAuth, readAdminPassword, ServerProcess } from '../harness/server.ts'
import { temporaryDirectory } from '../harness/store.ts'
import type { Program } from './debian-packages.ts'
import { needs } from './program.ts'

const clientIp = '127.0.0.2'
/** Ports of the pages: where clients connect, and where the server listens behind the proxy. */
const frontPorts = ['25', '587', '465', '993', '443'] as const
const backPorts = ['10025', '10587', '10465', '10993', '8080'] as const

type Ports = Readonly<Record<string, string>>

interface Proxy {
  readonly program: Program
  /** Of the block in the page that is its configuration. */
  readonly language: string
  /** The configuration with what only a test has. Every exchange must find something. */
  adapt(exchange: Exchange, ports: Ports, directory: string): void
  arguments(file: string, directory: string): readonly string[]
}

/** Exchanges texts, and fails where the page does not have them any more. */
class Exchange {
  text: string

  constructor(text: string) {
    this.text = text
  }

  all(from: string | RegExp, to: string | ((found: string, ...groups: string[]) => string)): void {
    const next = this.text.replaceAll(from, to as string)
    assert.notEqual(next, this.text, `the page has no ${from} any more`)
    this.text = next
  }
}

const live = '/etc/letsencrypt/live/mail.example.com'

const proxies: readonly Proxy[] = [
  {
    program: 'nginx',
    language: 'nginx',
    adapt(exchange, ports) {
      exchange.all(/listen (\d+)/g, (_, port) => `listen 127.0.0.1:${ports[port]!}`)
      exchange.all(`${live}/fullchain.pem`, quoted('server-chain'))
      exchange.all(`${live}/privkey.pem`, quoted('server.key'))
      exchange.all('http {', 'http {\n    access_log off;')
    },
    arguments: (file, directory) => [
      '-c',
      file,
      '-e',
      'stderr',
      '-g',
      `daemon off; pid ${join(directory, 'nginx.pid')};`,
    ],
  },
  {
    program: 'haproxy',
    language: 'haproxy',
    adapt(exchange, ports, directory) {
      const pem = join(directory, 'haproxy.pem')
      writeFileSync(pem, testCertificate('server-chain') + testKey('server'))
      exchange.all(/bind :(\d+)/g, (_, port) => `bind 127.0.0.1:${ports[port]!}`)
      exchange.all('/etc/haproxy/mail.example.com.pem', pem)
    },
    arguments: (file) => ['-db', '-f', file],
  },
  {
    program: 'caddy',
    language: 'caddyfile',
    adapt(exchange, ports) {
      const site = `https://mail.example.com:${ports['443']!}`
      const tls = `tls ${quoted('server-chain')} ${quoted('server.key')}`
      exchange.all(
        'mail.example.com {',
        `{\n\tadmin off\n\tauto_https disable_redirects\n}\n${site} {\n\tbind 127.0.0.1\n\t${tls}`,
      )
    },
    arguments: (file) => ['run', '--adapter', 'caddyfile', '--config', file],
  },
]

/** The tree may be in a path with a space. */
const quoted = (name: string): string => `"${certificatePath(name)}"`

/** The block of this language in the page of a proxy. */
function blockOf(page: string, language: string): Exchange {
  const text = readFileSync(new URL(`../../docs/proxies/${page}.md`, import.meta.url), 'utf8')
  const block = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'ms').exec(text)?.[1]
  assert.ok(block !== undefined, `${page}.md has no block of ${language}`)
  return new Exchange(block)
}

/** Both, as the page configures them. */
async function start(proxy: Proxy) {
  await using undo = new AsyncDisposableStack()
  const directory = temporaryDirectory()
  undo.defer(() => rm(directory, { recursive: true, force: true }))
  const names = [...frontPorts, ...backPorts]
  const free = undo.use(await freePorts(names.length))
  const ports: Ports = Object.fromEntries(names.map((name, i) => [name, String(free.ports[i])]))

  const toml = blockOf(proxy.program, 'toml')
  toml.all(/"(?:127\.0\.0\.1|0\.0\.0\.0):(\d+)"/g, (_, port) => `"127.0.0.1:${ports[port]!}"`)
  toml.all(/%\{file:[^}]+(?:fullchain\.pem|\.crt)\}%/g, `%{file:${certificatePath('server-chain')}}%`)
  toml.all(/%\{file:[^}]+(?:privkey\.pem|\.com\.key)\}%/g, `%{file:${certificatePath('server.key')}}%`)
  const config = join(directory, 'postern.toml')
  writeFileSync(config, toml.text)
  const server = undo.use(new ServerProcess(['--config', config, '--data', join(directory, 'data')]))
  await server.printed('server.ready')
  assert.ok(!server.output.includes(' warn '), server.output)

  const own = blockOf(proxy.program, proxy.language)
  own.all(/127\.0\.0\.1:(10\d{3}|8080)\b/g, (_, port) => `127.0.0.1:${ports[port]!}`)
  proxy.adapt(own, ports, directory)
  const file = join(directory, 'proxy.conf')
  writeFileSync(file, own.text)
  const child = spawn(proxy.program, proxy.arguments(file, directory), {
    env: { ...process.env, HOME: directory, XDG_DATA_HOME: directory, XDG_CONFIG_HOME: directory },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said += text))
  undo.defer(() => end(child))
  await listening(Number(ports['443']), child, () => said)

  const done = undo.move()
  const password = readAdminPassword(server.output)!
  return { ports, server, password, [Symbol.asyncDispose]: () => done.disposeAsync() }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  await exited
}

async function listening(port: number, child: ChildProcess, said: () => string): Promise<void> {
  const guard = AbortSignal.timeout(120_000)
  for (;;) {
    assert.ok(child.exitCode === null && !guard.aborted, `the proxy did not start:\n${said()}`)
    const socket = connect(port, '127.0.0.1')
    const isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (isOpen) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** From the client's own address. */
async function dial(port: string): Promise<Socket> {
  const socket = connect({ port: Number(port), host: '127.0.0.1', localAddress: clientIp })
  await once(socket, 'connect')
  return socket
}

async function dialTls(port: string): Promise<Conversation> {
  const secured = connectTls({ socket: await dial(port), rejectUnauthorized: false })
  await once(secured, 'secureConnect')
  return new Conversation(secured)
}

/** A request through the proxy; the client claims to be somebody else. */
async function ask(
  port: string,
  authorization: string,
  o: { method?: string; path?: string; body?: object } = {},
): Promise<number> {
  const headers = { authorization, 'x-forwarded-for': '198.51.100.9', forwarded: 'for=198.51.100.9' }
  const asking = request({
    host: '127.0.0.1',
    port,
    localAddress: clientIp,
    servername: 'mail.example.com',
    headers: { ...headers, host: `mail.example.com:${port}`, 'content-type': 'application/json' },
    rejectUnauthorized: false,
    agent: false,
    method: o.method ?? 'GET',
    path: o.path ?? '/api/status',
  })
  asking.end(o.body === undefined ? undefined : JSON.stringify(o.body))
  const [response] = (await once(asking, 'response')) as [IncomingMessage]
  response.resume()
  await once(response, 'end')
  return response.statusCode!
}

/** What a JMAP client in a page of the server is told through the proxy: by WebSocket, and by event source. */
async function channels(port: string, authorization: string) {
  const host = 'mail.example.com'
  const how = { host: '127.0.0.1', port, localAddress: clientIp, servername: host, rejectUnauthorized: false }
  const headers = { authorization, host, origin: `https://${host}` }
  const ws = new WebSocket(`wss://127.0.0.1:${port}/jmap/ws`, 'jmap', { ...how, headers })
  await once(ws, 'open')
  const enabled = once(ws, 'message')
  ws.send(JSON.stringify({ '@type': 'WebSocketPushEnable', dataTypes: null, pushState: 'none' }))
  await enabled
  const pushed = once(ws, 'message') as Promise<[Buffer]>
  const path = '/jmap/eventsource/?types=EmailDelivery&closeafter=no&ping=0'
  const asking = request({ ...how, headers, path, agent: false })
  asking.end()
  const [response] = (await once(asking, 'response')) as [IncomingMessage]
  const event = once(response, 'data') as Promise<[Buffer]>
  return {
    told: async () => `${String((await pushed)[0])} ${String((await event)[0])}`,
    [Symbol.dispose]() {
      ws.terminate()
      asking.destroy()
    },
  }
}

for (const proxy of proxies) {
  describe(`${proxy.program} in front`, needs(proxy.program), () => {
    test('the server knows the client behind the proxy, in mail and in HTTP', async () => {
      await using s = await start(proxy)
      const { ports, server } = s
      const admin = basicAuth('admin', s.password)
      const create = (body: object): Promise<number> =>
        ask(ports['443']!, admin, { method: 'POST', path: '/api/principal', body })
      assert.equal(await create({ type: 'domain', name: 'example.com' }), 200)
      const alice = { type: 'individual', name: 'alice@example.com', secrets: ['correct horse 7 battery'] }
      assert.equal(await create({ ...alice, emails: [alice.name] }), 200)
      assert.equal(await ask(ports['443']!, basicAuth('admin', 'wrong')), 401)
      const failure = /auth\.\S+ .*ip=127\.0\.0\.2.*/
      assert.match(server.output, failure)
      assert.ok(!server.output.includes('198.51.100.9'), server.output)

      using told = await channels(ports['443']!, basicAuth(alice.name, 'correct horse 7 battery'))
      await using smtp = new Conversation(await dial(ports['25']!))
      await smtp.expect('220 ')
      smtp.send('EHLO client.example.net')
      await smtp.until('250 ')
      await smtp.ask('MAIL FROM:<bob@example.net>', '250 ')
      await smtp.ask('RCPT TO:<alice@example.com>', '250 ')
      await smtp.ask('DATA', '354 ')
      smtp.send('From: bob@example.net', 'Subject: hello', '', 'Hello.', '.')
      await smtp.expect('250 ')
      assert.match(
        await told.told(),
        /^\{"@type":"StateChange".*"EmailDelivery".*event: state\ndata: .*"EmailDelivery"/s,
      )

      await using imap = await dialTls(ports['993']!)
      await imap.expect('* OK ')
      await imap.ask('a LOGIN alice@example.com "correct horse 7 battery"', /^a OK|^\*/)
      imap.send('b SELECT INBOX', 'c FETCH 1 BODY[HEADER.FIELDS (RECEIVED)]')
      const lines = await imap.until('c OK')
      assert.match(lines.join('\n'), /from client\.example\.net .*\[127\.0\.0\.2\]/)
      await server.printed('imap.connection-start')
      assert.match(server.output, /imap\.connection-start +ip=127\.0\.0\.2 listener=imaps tls=true/)

      await using submissions = await dialTls(ports['465']!)
      await submissions.expect('220 ')
    })
  })
}
