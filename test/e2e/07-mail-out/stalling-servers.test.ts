/**
 * Servers that stop answering, each at another step. First with the time-outs of RFC 5321 §4.5.3.2, minutes that
 * nobody waits for: mail to others goes meanwhile. Then with short ones: each attempt ends by its own, and what
 * was not taken is tried again, until it is; the connection is closed.
 */
import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { runLine } from '#cli/fixture.test.ts'
import { startDns, type TestDns } from '../../harness/dns.ts'
import { startServer, type TestServer } from '../../harness/server.ts'
import { temporaryDirectory } from '../../harness/store.ts'
import { type Answers, type Last, OtherServer } from './other-server.ts'
import { bounceOf, password, submit, until } from './user.ts'

/** Both of the server's lives meet silence once. */
const silentConnections = 2
const nothing: Last = { last: '' }

/** By step: what is heard when it comes, and the rest of what the server says. */
interface Stall {
  readonly at: (line: string) => boolean
  readonly heard?: Last
  readonly otherwise?: (line: string) => string | undefined
}

const startsWith = (word: string) => (line: string) => line.startsWith(word)
const withTls = (line: string): string | undefined =>
  line.startsWith('EHLO')
    ? '250-other.example\r\n250 STARTTLS'
    : line === 'STARTTLS'
      ? '454 not now'
      : undefined

const stalls: Readonly<Record<string, Stall>> = {
  greeting: { at: (line) => line === '' },
  ehlo: { at: startsWith('EHLO') },
  starttls: { at: startsWith('STARTTLS'), otherwise: withTls },
  handshake: { at: startsWith('STARTTLS'), heard: { last: '220 go' }, otherwise: withTls },
  mail: { at: startsWith('MAIL') },
  rcpt: { at: startsWith('RCPT') },
  data: { at: startsWith('DATA') },
  transfer: { at: startsWith('DATA'), heard: { last: '354 go on', isDeaf: true } },
  dot: { at: (line) => line === '.' },
  rset: {
    at: startsWith('RSET'),
    otherwise: (line) => (line.startsWith('RCPT') ? '550 5.1.1 not here' : undefined),
  },
  quit: { at: startsWith('QUIT') },
}

const answersOf =
  ({ at, heard = nothing, otherwise }: Stall): Answers =>
  (line, _count, connection) =>
    connection <= silentConnections && at(line) ? heard : otherwise?.(line)

/** Of a message that is more than what the system keeps for a connection. */
const large = `${'x'.repeat(998)}\r\n`.repeat(14_000)

describe('servers that stop answering', () => {
  const stack = new AsyncDisposableStack()
  const others = new Map<string, OtherServer>()
  const directory = temporaryDirectory()
  let dns: TestDns
  let good: OtherServer
  let server: TestServer
  const config = (timeouts: string): string => `${dns.config}
[MtaConnectionStrategy]
port = ${good.port}
idleTimeout = "0s"
${timeouts}
[MtaDeliverySchedule.remote]
retry = ["1s"]
`

  before(async () => {
    stack.defer(() => rm(directory, { recursive: true, force: true }))
    good = stack.use(await OtherServer.start('127.0.1.1', 0))
    const zones: Record<string, { MX?: string[]; A?: string[] }> = {
      'good.example': { MX: ['10 mx.good.example'] },
      'mx.good.example': { A: ['127.0.1.1'] },
    }
    for (const [i, [step, stall]] of Object.entries(stalls).entries()) {
      const ip = `127.0.1.${i + 2}`
      zones[`${step}.example`] = { MX: [`10 mx.${step}.example`] }
      zones[`mx.${step}.example`] = { A: [ip] }
      others.set(step, stack.use(await OtherServer.start(ip, good.port, answersOf(stall))))
    }
    dns = stack.use(await startDns(zones))
    server = stack.use(await startServer({ directory, workers: 2, config: config('') }))
    await server.createAccount('alice@example.org', password)
  })
  after(() => stack.disposeAsync())

  const steps = Object.keys(stalls)
  const other = (step: string): OtherServer => others.get(step)!
  const delayedAt = (step: string) =>
    until(server, () =>
      server.process.output
        .split('\n')
        .find((line) => line.includes('queue.delayed') && line.includes(`bob@${step}.example`)),
    )
  const postern = async (line: string): Promise<void> => {
    const data = join(directory, 'data')
    const done = await runLine(`--url http://127.0.0.1:${server.httpPort} --data ${data} ${line}`)
    assert.equal(done.code, 0, done.err)
  }
  const taken = (step: string) => until(server, () => other(step).count(step) > 0 || undefined)

  test('while all of them are waited for, mail to another one goes', async () => {
    for (const step of steps) {
      await submit(server, [`bob@${step}.example`], step, step === 'transfer' ? { lines: large } : {})
      await until(server, () => other(step).open > 0 || step === 'quit' || undefined)
    }
    await submit(server, ['bob@good.example'], 'good')
    await until(server, () => good.count('good') > 0 || undefined)
    assert.doesNotMatch(server.process.output, /queue\.delayed/)
    // What was taken and is not written down yet would come once more after this.
    for (const done of ['good', 'quit'])
      await until(
        server,
        () =>
          new RegExp(`queue\\.delivered .*bob@${done}\\.example`).test(server.process.output) || undefined,
      )
    await server.process.stop('SIGKILL')
  })

  test('each is given up after its own time, and what was not taken is tried again', async () => {
    const names = ['connect', 'greeting', 'ehlo', 'tls', 'mailFrom', 'rcptTo', 'data']
    const short = names.map((name) => `${name}Timeout = "3s"`).join('\n')
    server = stack.use(await startServer({ directory, workers: 2, config: config(short) }))
    await submit(server, ['bob@quit.example'], 'goodbye')
    for (const [step, words] of [
      ['greeting', 'greeting'],
      ['ehlo', 'EHLO'],
      ['starttls', 'STARTTLS'],
      ['mail', 'MAIL FROM:<alice@example.org>'],
      ['rcpt', 'RCPT TO:<bob@rcpt.example>'],
      ['data', 'DATA'],
      ['transfer', 'end of data'],
      ['dot', 'end of data'],
    ] as const) {
      const line = await delayedAt(step)
      assert.ok(line.includes('did not answer in time') && line.includes(words), line)
      // Or it would have to wait for half a minute.
      await postern(`queue retry --domain ${step}.example`)
      await taken(step)
    }
    // RFC 7435: in clear rather than not at all, and at once.
    await taken('handshake')
    await until(server, () => other('quit').count('goodbye') > 0 || undefined)
    assert.match(await bounceOf(server, 'rset'), /Status: 5\.1\.1/)
  })

  test('nobody has anything twice, and no connection is left', async () => {
    await until(server, () => steps.every((step) => other(step).open === 0) || undefined)
    const metrics = await (await server.api('GET', '/metrics')).text()
    assert.match(metrics, /^queue_messages_total 0$/m)
    for (const step of steps) assert.equal(other(step).count(step), step === 'rset' ? 0 : 1, step)
    assert.equal(other('quit').count('goodbye'), 1)
    assert.doesNotMatch(server.process.output, /queue\.delayed .*@(?:rset|quit|handshake|good)\.example/)
  })
})
