import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createSelfSigned } from '#cert/self-signed.ts'
import { Conversation } from '../../test/harness/conversation.ts'
import { freePorts } from '../../test/harness/free-ports.ts'
import { open } from './fixture.test.ts'
import { TlsContexts } from './tls-contexts.ts'

const local = '127.0.0.1'
const tls = new TlsContexts([createSelfSigned(['mail.example.org'], Date.UTC(2026, 10, 21))])

const refused = (port: number): Promise<void> =>
  assert.rejects(Conversation.connect(port), (error: NodeJS.ErrnoException) => error.code === 'ECONNREFUSED')

const free = await freePorts(2)
const [port = 0, another = 0] = free.ports
after(() => free[Symbol.asyncDispose]())

test('addresses come and go while sessions go on', async () => {
  await using s = await open()
  await using before = await Conversation.connect(s.port)
  await before.expect('220 ')
  const other = port
  const both = [
    { host: local, port: 0 },
    { host: local, port: other },
  ]
  assert.deepEqual(await s.listener.rebind(both), [
    { ip: local, port: s.port },
    { ip: local, port: other },
  ])
  await using second = await Conversation.connect(other)
  await second.expect('220 ')
  await s.listener.rebind([{ host: local, port: other }])
  await refused(s.port)
  for (const c of [before, second]) await c.ask('STILL HERE', '250 STILL HERE')
  await using third = await Conversation.connect(other)
  await third.expect('220 ')
})

test('an address that covers another on the same port takes its place', async () => {
  await using s = await open({ bind: [{ host: local, port }] })
  await s.listener.rebind([{ host: '0.0.0.0', port }])
  await using c = await Conversation.connect(port)
  await c.expect('220 ')
})

test('where one address cannot be had, all is as it was', async () => {
  await using other = await open()
  await using s = await open({ bind: [{ host: local, port }] })
  const wanted = [
    { host: local, port: another },
    { host: local, port: other.port },
  ]
  await assert.rejects(s.listener.rebind(wanted), /the address is in use/)
  await refused(wanted[0]!.port)
  await using c = await Conversation.connect(port)
  await c.expect('220 ')
})

test('new terms are for new connections', async () => {
  await using s = await open()
  await using before = await Conversation.connect(s.port)
  await before.expect('220 ')
  s.listener.change({ tls, tlsImplicit: true, maxConnections: 2 })
  await before.ask('STARTTLS', '250 STARTTLS')
  await using secure = await Conversation.connect(s.port, { tls: true })
  await secure.expect('220 ')
  await assert.rejects(Conversation.connect(s.port, { tls: true }))
  await before.ask('STILL HERE', '250 STILL HERE')
})

test('a retired listener takes nobody new, its sessions go on until it is drained', async () => {
  await using s = await open()
  await using c = await Conversation.connect(s.port)
  await c.expect('220 ')
  s.listener.retire()
  await refused(s.port)
  await c.ask('STILL HERE', '250 STILL HERE')
  const drained = s.listener.drain(10_000)
  await c.expect('421 shutdown')
  c.end()
  assert.equal(await drained, 0)
})
