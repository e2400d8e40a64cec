/**
 * Stories of mail to servers that do not simply take it: greylisting, some recipients refused, an address that
 * is not reached, one that never answers, a way that leads back, a name server that never ends, and replies
 * that try to be more than a reply.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { startDns, type TestDns } from '../../harness/dns.ts'
import { startServer, type TestServer } from '../../harness/server.ts'

const password = 'correct horse battery'

/** What is said to a command, by its line; undefined: `250 ok`. `wait`: nothing, for ever. */
type Answers = (line: string, count: number) => string | undefined

/** A server of others, on an address of the loopback of its own. */
class Other implements AsyncDisposable {
  readonly messages: string[] = []
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #asked = new Map<string, number>()

  private constructor(answers: Answers) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket)
      socket.on('error', () => undefined)
      const say = (text: string): void => {
        if (text !== 'wait') socket.write(Buffer.from(`${text}\r\n`, 'latin1'))
      }
      let buffered = ''
      let isData = false
      socket.on('data', (piece) => {
        buffered += piece.toString('latin1')
        for (;;) {
          const mark = isData ? '\r\n.\r\n' : '\r\n'
          const end = buffered.indexOf(mark)
          if (end < 0) return
          const unit = buffered.slice(0, end)
          buffered = buffered.slice(end + mark.length)
          if (isData) this.messages.push(unit)
          const line = isData ? '.' : unit
          const count = (this.#asked.get(line) ?? 0) + 1
          this.#asked.set(line, count)
          isData = line === 'DATA'
          say(answers(line, count) ?? (isData ? '354 go on' : '250 ok'))
        }
      })
      say(answers('', 0) ?? '220 other.example ESMTP')
    })
  }

  static async start(host: string, port: number, answers: Answers = () => undefined): Promise<Other> {
    const other = new Other(answers)
    other.#server.listen(port, host)
    await once(other.#server, 'listening')
    return other
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

const zones = {
  'grey.example': { MX: ['10 mx.grey.example'] },
  'mx.grey.example': { A: ['127.0.0.2'] },
  'part.example': { MX: ['10 mx.part.example'] },
  'mx.part.example': { A: ['127.0.0.3'] },
  'both.example': { MX: ['10 mx.both.example'] },
  'mx.both.example': { AAAA: ['::1'], A: ['127.0.0.2'] },
  'stall.example': { MX: ['10 mx.stall.example'] },
  'mx.stall.example': { A: ['127.0.0.4'] },
  'loop.example': { MX: ['10 mail.example.org'] },
  'mail.example.org': { A: ['127.0.0.1'] },
  'itself.example': { MX: ['10 mx.itself.example'] },
  'mx.itself.example': { A: ['127.0.0.5'] },
  'rude.example': { MX: ['10 mx.rude.example'] },
  'mx.rude.example': { A: ['127.0.0.6'] },
} as const

const rude = '550 5.7.1 no \x1b[2J\x07\x00 such \x9b31m thing\rSubject: forged'

describe('servers that do not simply take mail', () => {
  const stack = new AsyncDisposableStack()
  let dns: TestDns
  let server: TestServer
  let grey: Other
  let part: Other

  before(async () => {
    dns = stack.use(await startDns(zones))
    grey = stack.use(
      await Other.start('127.0.0.2', 0, (line, count) =>
        line.startsWith('RCPT TO:<grey') && count === 1 ? '450 4.7.1 Greylisted, come back' : undefined,
      ),
    )
    const { port } = grey
    part = stack.use(
      await Other.start('127.0.0.3', port, (line, count) => {
        if (line.startsWith('RCPT TO:<no')) return '550 5.1.1 not here'
        return line.startsWith('RCPT TO:<later') && count === 1 ? '452 4.2.2 full' : undefined
      }),
    )
    stack.use(await Other.start('127.0.0.4', port, (line) => (line === '' ? 'wait' : undefined)))
    stack.use(
      await Other.start('127.0.0.5', port, (line) =>
        line.startsWith('EHLO') ? '250 mail.example.org' : undefined,
      ),
    )
    stack.use(await Other.start('127.0.0.6', port, (line) => (line.startsWith('RCPT') ? rude : undefined)))
    const config = `${dns.config}
[MtaConnectionStrategy]
port = ${port}
[MtaDeliverySchedule.remote]
retry = ["1s"]
`
    server = stack.use(await startServer({ workers: 2, config }))
    await server.createAccount('alice@example.org', password)
  })
  after(() => stack.disposeAsync())

  async function submit(to: readonly string[], subject: string): Promise<void> {
    await using smtp = await server.connect(server.submissionsPort, { tls: true })
    await smtp.expect('220 ')
    smtp.send('EHLO client.example.net')
    await smtp.until('250 ')
    await smtp.ask(`AUTH PLAIN ${Buffer.from(`\0alice@example.org\0${password}`).toString('base64')}`, '235 ')
    await smtp.ask('MAIL FROM:<alice@example.org>', '250 ')
    for (const recipient of to) await smtp.ask(`RCPT TO:<${recipient}>`, '250 ')
    await smtp.ask('DATA', '354 ')
    smtp.sendRaw(`Subject: ${subject}\r\n\r\ntext\r\n.\r\n`)
    await smtp.expect('250 ')
  }

  async function until<T>(found: () => Promise<T | undefined> | T | undefined): Promise<T> {
    for (let tries = 0; ; tries++) {
      const one = await found()
      if (one !== undefined) return one
      assert.ok(tries < 1500, server.process.output)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  const arrived = (other: Other, subject: string): number =>
    other.messages.filter((one) => one.includes(`Subject: ${subject}\r\n`)).length
  const arrival = (other: Other, subject: string) =>
    until(() => (arrived(other, subject) > 0 ? true : undefined))

  /** The notification about a message, as bytes. */
  async function bounceOf(subject: string): Promise<string> {
    await using imap = await server.connect(server.imapsPort, { tls: true })
    await imap.expect('* OK ')
    await imap.ask(`s1 LOGIN alice@example.org "${password}"`, 's1 OK ')
    return await until(async () => {
      imap.send('e EXAMINE INBOX')
      await imap.until('e OK')
      imap.send(`f UID SEARCH SUBJECT "delivered: ${subject}"`)
      const [, uid] = /SEARCH (\d+)/.exec((await imap.until('f OK')).join('\n')) ?? []
      if (uid === undefined) return undefined
      imap.send(`g UID FETCH ${uid} BODY.PEEK[]`)
      const size = Number(/\{(\d+)\}$/.exec(await imap.line())![1])
      const bytes = await imap.bytes(size)
      await imap.until('g OK')
      return bytes.toString('latin1')
    })
  }

  test('greylisting: it comes back after a moment and is taken, once', async () => {
    await submit(['grey@grey.example'], 'grey')
    await arrival(grey, 'grey')
    await server.process.printed('Greylisted')
    assert.equal(arrived(grey, 'grey'), 1)
  })

  test('of several recipients each has its own fate: one now, one later, one never', async () => {
    await submit(['yes@part.example', 'no@part.example', 'later@part.example'], 'part')
    const bounce = await bounceOf('part')
    assert.match(bounce, /Final-Recipient: rfc822; no@part\.example\r\nAction: failed\r\nStatus: 5\.1\.1/)
    assert.doesNotMatch(bounce, /(?:yes|later)@part\.example\r\nAction/)
    await until(() => (arrived(part, 'part') === 2 ? true : undefined))
  })

  test('an IPv6 address that refuses is passed over for the IPv4 one', async () => {
    await submit(['bob@both.example'], 'both')
    await arrival(grey, 'both')
    assert.ok(dns.count('mx.both.example', 'AAAA') > 0)
  })

  test('a server that never says a word delays nobody else', async () => {
    await submit(['bob@stall.example', 'bob@grey.example'], 'stall')
    for (let i = 0; i < 20; i++) await submit(['bob@stall.example'], `stall${i}`)
    await submit(['bob@grey.example'], 'behind')
    await arrival(grey, 'stall')
    await arrival(grey, 'behind')
  })

  test('a server that calls itself as this one does is no way to anywhere', async () => {
    await submit(['bob@itself.example'], 'itself')
    assert.match(await bounceOf('itself'), /Status: 5\.4\.6/)
  })

  test('MX records that lead here for a domain that is not ours are a loop', async () => {
    await submit(['bob@loop.example'], 'loop')
    assert.match(await bounceOf('loop'), /Status: 5\.4\.6/)
  })

  test('a megabyte of answers, and aliases without end, delay what they are about and nothing else', async () => {
    dns.behave('much.example', 'megabyte')
    dns.behave('endless.example', 'endlessAliases')
    await submit(['bob@much.example', 'bob@endless.example', 'bob@grey.example'], 'names')
    await arrival(grey, 'names')
    const delayed = (domain: string) =>
      until(() =>
        server.process.output
          .split('\n')
          .find((line) => line.includes('queue.delayed') && line.includes(domain)),
      )
    assert.match(await delayed('bob@much.example'), /4\.4\.3/)
    assert.match(await delayed('bob@endless.example'), /4\.4\.3/)
    assert.ok(dns.queries.filter(({ name }) => name.endsWith('endless.example')).length < 200)
  })

  test('what a reply has besides text reaches neither the notification nor the log', async () => {
    await submit(['bob@rude.example'], 'rude')
    const bounce = await bounceOf('rude')
    assert.match(bounce, /Diagnostic-Code: smtp; 550 5\.7\.1 no/)
    assert.doesNotMatch(bounce, /^Subject: forged/m)
    for (const text of [bounce, server.process.output])
      assert.doesNotMatch(text, /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)/)
  })
})
