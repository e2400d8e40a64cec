import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { once } from 'node:events'
import { connect } from 'node:net'
import fc from 'fast-check'
import { parseNetwork } from '#base/ip.ts'
import { createSelfSigned } from '#cert/self-signed.ts'
import { Conversation } from '../../test/harness/conversation.ts'
import { open, until } from './fixture.test.ts'
import type { ListenerTerms } from './listener-options.ts'
import { TlsContexts } from './tls-contexts.ts'

const proxies = [parseNetwork('127.0.0.0/8')!]
const behindProxies: ListenerTerms = { proxies }
const header = 'PROXY TCP4 192.0.2.1 198.51.100.2 40000 25\r\n'
const binary = Buffer.from('0d0a0d0a000d0a515549540a2111000cc0000201c63364029c400019', 'hex')
const client = { peer: { ip: '192.0.2.1', port: 40_000 }, local: { ip: '198.51.100.2', port: 25 } }
const tls = new TlsContexts([createSelfSigned(['mail.example.org'], Date.UTC(2026, 10, 21))])

async function ends(c: Conversation): Promise<object> {
  const { peer, local } = JSON.parse(await c.ask('FACTS', '{')) as Record<string, unknown>
  return { peer, local }
}

test('the ends that the proxy tells are those of the connection, in both versions', async () => {
  await using s = await open(behindProxies)
  for (const bytes of [header, binary]) {
    await using c = await Conversation.connect(s.port)
    c.sendRaw(bytes)
    await c.expect('220 ')
    assert.deepEqual(await ends(c), client)
  }
  await using own = await Conversation.connect(s.port)
  own.sendRaw('PROXY UNKNOWN\r\n')
  await own.expect('220 ')
  assert.deepEqual(((await ends(own)) as typeof client).local, { ip: '127.0.0.1', port: s.port })
})

test('however the header arrives, nothing behind it is lost', async () => {
  await using s = await open(behindProxies)
  const input = Buffer.concat([binary, Buffer.from('ONE\r\nTWO\r\n')])
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: input.length }), async (at) => {
      await using c = await Conversation.connect(s.port)
      c.sendRaw(input.subarray(0, at))
      await new Promise(setImmediate)
      c.sendRaw(input.subarray(at))
      await c.expectLines(['220 hello', '250 ONE', '250 TWO'])
    }),
    { numRuns: 20 },
  )
})

test('implicit TLS begins behind the header, also in one packet with it', async () => {
  await using s = await open({ ...behindProxies, tls, tlsImplicit: true })
  const raw = connect(s.port, '127.0.0.1')
  await once(raw, 'connect')
  raw.cork()
  raw.write(header)
  const secured = connectTls({ socket: raw, rejectUnauthorized: false })
  process.nextTick(() => raw.uncork())
  await using c = new Conversation(secured)
  await c.expect('220 ')
  assert.deepEqual(await ends(c), client)
})

test('STARTTLS behind a header', async () => {
  await using s = await open({ ...behindProxies, tls })
  await using c = await Conversation.connect(s.port)
  c.sendRaw(header)
  await c.expect('220 ')
  await c.ask('STARTTLS', '220 ')
  await c.upgradeTls()
  await c.expect('250 dropped 0')
  assert.deepEqual(await ends(c), client)
})

test('a trusted proxy without a header, with a wrong or an endless one, is cut off without a word', async () => {
  await using s = await open({ ...behindProxies, proxyTimeoutMs: 100 })
  const starts = ['EHLO me\r\n', 'PROXY TCP4 x\r\n', `PROXY UNKNOWN ${'x'.repeat(200)}`, 'PROXY TCP4 ', '']
  for (const bytes of starts) {
    await using c = await Conversation.connect(s.port)
    c.sendRaw(bytes)
    await c.expectEnd()
  }
  await until(() => s.troubles.length === starts.length)
  assert.ok(s.troubles.every(({ kind }) => kind === 'proxy'))
  const gone = await Conversation.connect(s.port)
  gone.sendRaw('PROXY ')
  gone.end()
  await gone.expectEnd()
  await until(() => s.listener.active === 0)
})

test('others say what they are themselves: a header of theirs is only bytes', async () => {
  await using s = await open({ proxies: [parseNetwork('127.0.0.2')!] })
  await using c = await Conversation.connect(s.port)
  await c.expect('220 ')
  await c.ask('PROXY TCP4 192.0.2.1 198.51.100.2 40000 25', '250 PROXY')
  assert.equal(((await ends(c)) as typeof client).peer.ip, '127.0.0.1')
})

test('a listener for proxies only lets nobody else in', async () => {
  await using s = await open({ proxies: [parseNetwork('127.0.0.2')!], proxiesOnly: true })
  await using c = await Conversation.connect(s.port)
  await c.expectEnd()
  assert.equal(s.troubles[0]?.kind === 'refused' && s.troubles[0].why, 'notProxy')
})

test('limits count the client, not the proxy', async () => {
  await using s = await open({ ...behindProxies, maxPerAddress: 1 })
  await using first = await Conversation.connect(s.port)
  first.sendRaw(header)
  await first.expect('220 ')
  await using second = await Conversation.connect(s.port)
  second.sendRaw(header)
  await second.expect('421 tooManyFromAddress')
  await using other = await Conversation.connect(s.port)
  other.sendRaw(header.replace('192.0.2.1', '192.0.2.9'))
  await other.expect('220 ')
  assert.deepEqual(
    s.troubles.map((trouble) => trouble.kind === 'refused' && trouble.ip),
    ['192.0.2.1'],
  )
})

// Turns red where one client may have all connections as long as nobody says otherwise.
test('one client has a quarter of all where nothing is said, and this machine has all', async () => {
  await using s = await open({ ...behindProxies, maxConnections: 8 })
  await using stack = new AsyncDisposableStack()
  const connect = async (ip: string, answer: string): Promise<void> => {
    const c = stack.use(await Conversation.connect(s.port))
    c.sendRaw(header.replace('192.0.2.1', ip))
    await c.expect(answer)
  }
  await connect('192.0.2.1', '220 ')
  await connect('192.0.2.1', '220 ')
  await connect('192.0.2.1', '421 tooManyFromAddress')
  for (let i = 0; i < 5; i++) await connect('127.0.0.5', '220 ')
  await connect('192.0.2.9', '220 ')
})

test('proxies that have not spoken count too, and a drain ends them', async () => {
  await using s = await open({ ...behindProxies, maxConnections: 1 })
  await using silent = await Conversation.connect(s.port)
  silent.sendRaw('PROXY ')
  await using refused = await Conversation.connect(s.port)
  await refused.expect('421 tooManyConnections')
  await s.listener.drain(10_000)
  await silent.expectEnd()
})
