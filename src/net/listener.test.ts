import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { isFault } from '#base/fault.ts'
import { parseIp } from '#base/ip.ts'
import { createSelfSigned } from '#cert/self-signed.ts'
import { Conversation } from '../../test/harness/conversation.ts'
import { clientNetwork } from './admission.ts'
import { Listener } from './listener.ts'
import type { Protocol, SocketProtocol } from './protocol.ts'
import { echo, open, until } from './fixture.test.ts'
import { TlsContexts } from './tls-contexts.ts'

const nowMs = Date.UTC(2026, 10, 21)
let tls: TlsContexts

before(() => {
  tls = new TlsContexts([
    createSelfSigned(['mail.example.org', '127.0.0.1'], nowMs),
    createSelfSigned(['*.example.net'], nowMs),
  ])
})
after(() => tls.setCertificates([createSelfSigned(['mail.example.org'], nowMs)]))

test('a conversation over a real socket, with the facts of both ends', async () => {
  await using s = await open()
  await using c = await Conversation.connect(s.port)
  await c.expect('220 ')
  c.send('ONE', 'TWO')
  await c.expectLines(['250 ONE', '250 TWO'])
  const facts = JSON.parse(await c.ask('FACTS', '{')) as { peer: object; local: object }
  assert.deepEqual(facts.local, { ip: '127.0.0.1', port: s.port })
  assert.equal(s.listener.active, 1)
  await c.ask('QUIT', '221 ')
  await c.expectEnd()
  c.end()
  await until(() => s.listener.active === 0)
  assert.deepEqual(s.troubles, [])
})

test('implicit TLS: version, cipher, name and channel binding are known to the session', async () => {
  await using s = await open({ tls, tlsImplicit: true })
  await using c = await Conversation.connect(s.port, {
    tls: { servername: 'mail.example.org', ALPNProtocols: ['echo'] },
  })
  await c.expect('220 ')
  const socket = c.stream as TLSSocket
  assert.equal(socket.alpnProtocol, 'echo')
  const facts = JSON.parse(await c.ask('FACTS', '{')) as Record<string, unknown>
  assert.equal(facts['version'], 'TLSv1.3')
  assert.equal(facts['sni'], 'mail.example.org')
  assert.match(String(facts['cipher']), /^TLS_/)
  assert.equal(
    facts['exported'],
    socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0)).toString('hex'),
  )
  assert.equal((facts['peer'] as { ip: string }).ip, '127.0.0.1')
})

test('a client that insists on another protocol by ALPN is refused', async () => {
  await using s = await open({ tls, tlsImplicit: true })
  await assert.rejects(Conversation.connect(s.port, { tls: { ALPNProtocols: ['http/1.1'] } }))
  await until(() => s.troubles.length > 0)
  assert.equal(s.troubles[0]!.kind, 'handshake')
})

test('STARTTLS goes on over TLS', async () => {
  await using s = await open({ tls })
  await using c = await Conversation.connect(s.port)
  await c.expect('220 ')
  await c.ask('STARTTLS', '220 go')
  await c.upgradeTls({ servername: 'a.example.net' })
  await c.expect('250 dropped 0')
  const facts = JSON.parse(await c.ask('FACTS', '{')) as Record<string, unknown>
  assert.equal(facts['version'], 'TLSv1.3')
  assert.equal(facts['sni'], 'a.example.net')
  // It cannot begin again.
  await c.ask('STARTTLS', '250 STARTTLS')
  c.send('QUIT')
  await c.expect('221 ')
  await c.expectEnd()
})

test('what is pipelined behind STARTTLS is dropped, not run inside TLS', async () => {
  await using s = await open({ tls })
  await using c = await Conversation.connect(s.port)
  await c.expect('220 ')
  c.sendRaw('STARTTLS\r\nINJECTED\r\nMORE')
  await c.expect('220 go')
  await c.upgradeTls()
  await c.expect('250 dropped 14')
  await c.ask('NOOP', '250 NOOP')
})

test('clear text in place of a handshake ends the connection', async () => {
  await using s = await open({ tls })
  await using c = await Conversation.connect(s.port)
  await c.expect('220 ')
  await c.ask('STARTTLS', '220 go')
  c.send('NOOP')
  await until(() => s.listener.active === 0)
  assert.deepEqual(s.troubles, [])
})

test('a handshake that does not come is ended, with implicit TLS and with STARTTLS', async () => {
  await using implicit = await open({ tls, tlsImplicit: true, handshakeTimeoutMs: 1 })
  await using silent = await Conversation.connect(implicit.port)
  await silent.expectEnd()
  await until(() => implicit.listener.active === 0)
  const [trouble] = implicit.troubles
  assert.ok(trouble?.kind === 'handshake' && isFault(trouble.error, 'unavailable'))
  assert.match(trouble.error.message, /timed out/)

  await using s = await open({ tls, handshakeTimeoutMs: 1 })
  await using c = await Conversation.connect(s.port)
  await c.expect('220 ')
  await c.ask('STARTTLS', '220 go')
  await c.expectEnd()
  await until(() => s.listener.active === 0)
})

test('TLS that is cut off without a closing alert ends the session like any disconnect', async () => {
  await using s = await open({ tls })
  const raw = connect({ port: s.port, host: '127.0.0.1' })
  await using c = new Conversation(raw)
  await c.expect('220 ')
  await c.ask('STARTTLS', '220 go')
  await c.upgradeTls()
  await c.expect('250 ')
  c.send('NOOP')
  c.sendRaw('QUI')
  await c.expect('250 NOOP')
  raw.destroy()
  await until(() => s.listener.active === 0)
  assert.deepEqual(s.troubles, [])
})

test('broken records inside an established TLS connection end it', async () => {
  await using s = await open({ tls })
  const raw = connect({ port: s.port, host: '127.0.0.1' })
  await using c = new Conversation(raw)
  await c.expect('220 ')
  await c.ask('STARTTLS', '220 go')
  await c.upgradeTls()
  await c.expect('250 ')
  raw.write(Buffer.from('1703030020'.padEnd(74, '0'), 'hex'))
  await until(() => s.listener.active === 0)
  assert.deepEqual(s.troubles, [])
})

test('a client that disconnects at any point of the conversation leaves nothing behind', async () => {
  await using s = await open({ tls })
  const script = 'ONE\r\nSTARTTLS\r\n'
  for (let cut = 0; cut <= script.length; cut++) {
    for (const how of ['end', 'reset'] as const) {
      const socket = connect({ port: s.port, host: '127.0.0.1' })
      socket.on('error', () => {})
      await once(socket, 'data')
      socket.write(script.slice(0, cut))
      if (how === 'end') socket.end()
      else socket.resetAndDestroy()
      socket.resume()
    }
  }
  await until(() => s.listener.active === 0)
  assert.deepEqual(s.troubles, [])
})

test('a client that asks for much and reads nothing is cut off', async () => {
  let sentBytes = 0
  const generous: Protocol = {
    name: 'generous',
    alpn: [],
    async serve(c) {
      for (; ; sentBytes += 65536) await c.write(Buffer.alloc(65536))
    },
  }
  for (const secure of [false, true]) {
    await using s = await open({ protocol: generous, tls, tlsImplicit: secure, writeTimeoutMs: 20 })
    const client = await Conversation.connect(s.port, secure ? { tls: true } : {})
    client.stream.pause()
    await until(() => s.listener.active === 1)
    await until(() => s.listener.active === 0)
    client.destroy()
    assert.deepEqual(s.troubles, [])
  }
  assert.ok(sentBytes > 0)
})

test('more connections than allowed are told so and closed', async () => {
  await using s = await open({ maxConnections: 2 })
  await using one = await Conversation.connect(s.port)
  await one.expect('220 ')
  await using two = await Conversation.connect(s.port)
  await two.expect('220 ')
  await using three = await Conversation.connect(s.port)
  await three.expect('421 tooManyConnections')
  await three.expectEnd()
  assert.deepEqual(s.troubles, [
    { kind: 'refused', listener: 'test', ip: '127.0.0.1', why: 'tooManyConnections' },
  ])
  one.destroy()
  await until(() => s.listener.active === 1)
  await using four = await Conversation.connect(s.port)
  await four.expect('220 ')
})

test('one address has a limit of its own', async () => {
  await using s = await open({ maxPerAddress: 1 })
  await using one = await Conversation.connect(s.port)
  await one.expect('220 ')
  await using two = await Conversation.connect(s.port)
  await two.expect('421 tooManyFromAddress')
})

test('a crash in a session is reported and ends only that session', async () => {
  await using s = await open()
  await using other = await Conversation.connect(s.port)
  await other.expect('220 ')
  await using c = await Conversation.connect(s.port)
  await c.expect('220 ')
  c.send('CRASH')
  await c.expectEnd()
  const [trouble] = s.troubles
  assert.ok(trouble?.kind === 'crash' && /planted/.test(String(trouble.error)))
  await other.ask('NOOP', '250 NOOP')
})

test('draining says goodbye to waiting sessions and accepts no more', async () => {
  await using s = await open()
  await using c = await Conversation.connect(s.port)
  await c.expect('220 ')
  const drained = s.listener.drain(10_000)
  await c.expect('421 shutdown')
  await c.expectEnd()
  c.end()
  assert.equal(await drained, 0)
  await assert.rejects(Conversation.connect(s.port))
})

test('draining waits for the work of a session, also when its client has left', async () => {
  let finish = (): void => {}
  const work = new Promise<void>((resolve) => {
    finish = resolve
  })
  let finished = false
  const slow: Protocol = {
    name: 'slow',
    alpn: [],
    async serve(c) {
      await c.readLine(10)
      await work
      finished = true
    },
  }
  await using s = await open({ protocol: slow })
  const c = await Conversation.connect(s.port)
  c.send('GO')
  await until(() => s.listener.active === 1)
  c.destroy()
  const drained = s.listener.drain(10_000)
  await new Promise(setImmediate)
  assert.equal(s.listener.active, 1)
  finish()
  assert.equal(await drained, 0)
  assert.ok(finished)
})

test('what does not end in time is cut off at the deadline', async () => {
  const endless: Protocol = {
    name: 'endless',
    alpn: [],
    async serve(c) {
      await c.readLine(10)
      await once(c.signal, 'abort')
    },
  }
  await using s = await open({ protocol: endless })
  await using c = await Conversation.connect(s.port)
  c.send('GO')
  await until(() => s.listener.active === 1)
  assert.equal(await s.listener.drain(1), 1)
  await c.expectEnd()
  assert.equal(s.listener.active, 0)
})

test('an address in use is named, and nothing stays open', async () => {
  await using s = await open()
  const second = new Listener({
    name: 'second',
    protocol: echo,
    bind: [
      { host: '127.0.0.1', port: 0 },
      { host: '127.0.0.1', port: s.port },
    ],
  })
  await assert.rejects(second.listen(), {
    message: `second cannot listen on 127.0.0.1:${s.port}: the address is in use`,
  })
  assert.equal(await second.drain(0), 0)
})

test('a protocol of its own gets the bare socket, counted and drained like others', async () => {
  let drains = 0
  const own: SocketProtocol = {
    name: 'own',
    alpn: [],
    serveSocket: (socket, c) => socket.end(`secure ${c.secure}\r\n`),
    drain: () => void drains++,
  }
  await using s = await open({ protocol: own, tls, tlsImplicit: true })
  await using c = await Conversation.connect(s.port, { tls: true })
  await c.expect('secure true')
  await c.expectEnd()
  await until(() => s.listener.active === 0)
  await s.listener.drain(0)
  assert.equal(drains, 1)
})

test('one client is an IPv4 address or an IPv6 /64', () => {
  const networks = [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::'],
    ['2001:db8:1:2::', '2001:db8:1:2::'],
    ['fe80::1%eth0', 'fe80::'],
    ['::1', '::'],
  ] as const
  for (const [ip, network] of networks) assert.equal(clientNetwork(parseIp(ip)!), network)
})
