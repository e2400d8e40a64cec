/**
 * Limits hold for the server, not for each of its workers: who is refused comes again over another connection, which
 * another worker may take, and is refused there too. Each test opens so many connections that both workers have some,
 * and is red where each of them counts for itself.
 */
import assert from 'node:assert/strict'
import { request } from 'node:http'
import { after, before, describe, it } from 'node:test'
import { hotp, otpauthUrl } from '#account/totp.ts'
import type { Conversation } from '../../harness/conversation.ts'
import { freePorts } from '../../harness/free-ports.ts'
import { basicAuth, startServer, type TestServer } from '../../harness/server.ts'

const password = 'correct horse battery'
const alice = 'alice@example.org'
const dave = 'dave@example.org'
const attempts = 40

const config = (few: number, fewOfAddress: number): string => `
[Http]
useXForwarded = true
rateLimitAnonymous = "12/1h"
rateLimitAuthenticated = "30/1h"
[Imap]
allowPlainTextAuth = true
maxConcurrent = 5
[server.listener.few]
bind = "127.0.0.1:${few}"
protocol = "smtp"
max-connections = 9
[server.listener.few-of-address]
bind = "127.0.0.1:${fewOfAddress}"
protocol = "smtp"
max-connections-per-ip = 7
`

/** One after the other, so that what was refused is known before the next one comes. */
async function countOf(many: number, attempt: (i: number) => Promise<boolean>): Promise<number> {
  let count = 0
  for (let i = 0; i < many; i++) if (await attempt(i)) count++
  return count
}

describe('limits, with two workers', () => {
  const stack = new AsyncDisposableStack()
  let server: TestServer
  let few: number
  let fewOfAddress: number
  const open: { destroy(): void }[] = []

  before(async () => {
    ;[few, fewOfAddress] = stack.use(await freePorts(2)).ports as [number, number]
    server = stack.use(
      await startServer({
        workers: 2,
        settings: 'SystemSettings.proxyTrustedNetworks = ["127.0.0.1"]',
        config: config(few, fewOfAddress),
      }),
    )
    for (const name of [alice, 'bob@example.org', 'carol@example.org', dave])
      await server.createAccount(name, password)
  })
  after(async () => {
    for (const one of open) one.destroy()
    await stack.disposeAsync()
  })

  /** As a proxy that is asked by the address. */
  async function connect(port: number, ip: string): Promise<Conversation> {
    const client = await server.connect(port)
    open.push(client)
    client.send(`PROXY TCP4 ${ip} 192.0.2.200 40000 1`)
    return client
  }

  async function signIn(name: string, secret: string, ip: string): Promise<string> {
    const client = await connect(server.imapPort, ip)
    await client.expect('* OK')
    client.send(`a LOGIN ${name} "${secret}"`)
    return (await client.until('a ')).at(-1)!
  }

  /** Over a connection of its own; the status, when the answer has begun. */
  function ask(path: string, authorization: string, ip?: string): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    const asked = request(
      {
        port: server.httpPort,
        path,
        agent: false,
        headers: {
          authorization,
          ...(ip === undefined ? {} : { 'x-forwarded-for': ip, 'x-forwarded-proto': 'https' }),
        },
      },
      (response) => {
        response.resume()
        resolve(response.statusCode!)
      },
    )
    open.push(asked)
    asked.once('error', reject)
    asked.end()
    return promise
  }

  it('sign-ins that fail are counted for their address over all connections and protocols', async () => {
    const ip = '198.51.100.1'
    const looked = await countOf(attempts, async (i) =>
      i % 2 === 0
        ? (await signIn(alice, `wrong ${i}`, ip)).startsWith('a NO [AUTHENTICATIONFAILED]')
        : (await ask('/jmap/session', basicAuth(alice, `wrong ${i}`), ip)) === 401,
    )
    assert.equal(looked, 12)
    // Not even the right one is looked at, and others are not held up.
    assert.match(await signIn(alice, password, ip), /^a NO \[LIMIT\]/)
    assert.match(await signIn(alice, password, '198.51.100.2'), /^a OK/)
  })

  it('requests of an account are counted, whichever worker answers', async () => {
    const authorization = basicAuth('bob@example.org', password)
    const answered = await countOf(
      attempts,
      async () => (await ask('/jmap/session', authorization, '198.51.100.3')) === 200,
    )
    assert.equal(answered, 30)
  })

  it('connections are counted for their listener and their address', async () => {
    const isIn = async (port: number, ip: string): Promise<boolean> =>
      (await (await connect(port, ip)).line()).startsWith('220 ')
    assert.equal(await countOf(attempts, (i) => isIn(few, `203.0.113.${i}`)), 9)
    assert.equal(await countOf(attempts, () => isIn(fewOfAddress, '198.51.100.4')), 7)
    assert.equal(await countOf(3, () => isIn(fewOfAddress, '198.51.100.5')), 3)
  })

  it('sessions of a user are counted, and given back when they end', async () => {
    const sessions: Conversation[] = []
    const oneMore = async (): Promise<boolean> => {
      const client = await connect(server.imapPort, '198.51.100.6')
      await client.expect('* OK')
      client.send(`a LOGIN carol@example.org "${password}"`)
      const isIn = (await client.until('a ')).at(-1)!.startsWith('a OK')
      if (isIn) sessions.push(client)
      return isIn
    }
    assert.equal(await countOf(attempts, oneMore), 5)
    for (const client of sessions.splice(0)) {
      client.send('b LOGOUT')
      await client.until('b OK')
      await client.expectEnd()
    }
    assert.equal(await countOf(attempts, oneMore), 5)
  })

  it('event sources of a user are counted', async () => {
    const authorization = basicAuth('carol@example.org', password)
    const path = '/jmap/eventsource/?types=*&closeafter=no&ping=0'
    const answered = await countOf(attempts, async () => (await ask(path, authorization)) === 200)
    assert.equal(answered, 20)
  })

  // Codes are asked for where the main worker answers for all: this is red without any limit only.
  it('ten wrong codes of a second factor are the most', async () => {
    const secret = Buffer.alloc(20, 'secret')
    const code = hotp(secret, Math.floor(Date.now() / 30_000))
    const url = otpauthUrl({ issuer: 'mail.example.org', account: dave, secret })
    const enabled = await fetch(`http://127.0.0.1:${server.httpPort}/api/account/auth`, {
      method: 'POST',
      headers: { authorization: basicAuth(dave, password), 'content-type': 'application/json' },
      body: JSON.stringify([{ type: 'enableOtpAuth', currentSecret: password, url, code }]),
    })
    assert.equal(enabled.status, 200, await enabled.text())
    const notThis = code === '000000' ? '111111' : '000000'
    for (let i = 0; i < attempts; i++)
      assert.equal(await ask('/api/account/auth', basicAuth(dave, `${password}$${notThis}`)), 401)
    await ask('/api/account/auth', basicAuth('nobody@example.org', password))
    await server.process.printed('nobody@example.org')
    const reasons = [...server.process.output.matchAll(/auth\.failed .*dave@example\.org.*reason="([^"]*)"/g)]
    const looked = reasons.filter(([, reason]) => reason === 'wrong code of the second factor')
    assert.equal(looked.length, 10, server.process.output)
    assert.equal(reasons.length, attempts)
  })
})
