import assert from 'node:assert/strict'
import { createServer, type AddressInfo } from 'node:net'
import { test } from 'node:test'
import { RunningCount } from '#base/running-count.ts'
import { createSelfSigned } from '#cert/self-signed.ts'
import { CertificateSet } from '#net/certificate-set.ts'
import type { Protocol } from '#net/protocol.ts'
import { Conversation } from '../../../test/harness/conversation.ts'
import { Advice } from '../terminal/advice.ts'
import type { ListenerPlan } from './listener-plans.ts'
import { ListenerSet } from './listener-set.ts'
import { probePorts } from './ports.ts'

const smtp: Protocol = {
  name: 'smtp',
  alpn: [],
  async serve(c) {
    void c.write(Buffer.from(`220 ${c.listener}\r\n`))
    while ((await c.readLine(100)) !== undefined) void c.write(Buffer.from('250 ok\r\n'))
  },
}

const certificates = new CertificateSet([createSelfSigned(['localhost'], Date.UTC(2026, 10, 28))])

const open = (o: { mayChoosePorts?: boolean } = {}): ListenerSet =>
  new ListenerSet({
    protocols: { smtp, lmtp: smtp },
    certificates,
    ticketKeys: Buffer.alloc(48),
    isShared: false,
    present: new RunningCount(),
    mayChoosePorts: true,
    onTrouble: () => {},
    ...o,
  })

const plan = (id: string, port: number, more: Partial<ListenerPlan> = {}): ListenerPlan => ({
  id,
  service: 'smtp',
  bind: [{ ip: '127.0.0.1', port }],
  useTls: true,
  tlsImplicit: false,
  tlsPolicy: {},
  ...more,
})

const ports = (set: ListenerSet): readonly number[] => set.facts.map(({ port }) => port)

async function ask(c: Conversation): Promise<void> {
  await c.ask('NOOP', '250 ok')
}

test('a port in use closes what was opened before, and says what to do', async () => {
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  const { port } = other.address() as AddressInfo
  try {
    const plans = [plan('a', 0), plan('b', port)]
    const start = `Cannot open port ${port} on 127.0.0.1 for the listener "b": another program uses it.`
    const isAdvice = (error: unknown): boolean => error instanceof Advice && error.message.startsWith(start)
    await assert.rejects(open().openAll(plans), isAdvice)
    await assert.rejects(probePorts(plans), isAdvice)
    const set = open()
    await set.openAll([plan('a', 0)])
    const before = set.facts
    assert.match((await set.probe(plans))[0]!, /another program uses it/)
    assert.match((await set.apply(plans))[0]!, /another program uses it/)
    assert.deepEqual(set.facts, before)
    await set.drain(0)
  } finally {
    other.close()
  }
})

// Turns red where a listener of the store that cannot be opened ends the start, or leaves nothing in its place.
test('of the listeners of the store those are opened that can be, or the usual one in their place', async () => {
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  const { port } = other.address() as AddressInfo
  const set = open()
  try {
    const problems = await set.openAll([
      plan('usual', 0),
      plan('alone', port, { isStored: true }),
      plan('placed', port, { isStored: true, instead: plan('placed', 0) }),
      plan('fine', 0, { isStored: true }),
    ])
    assert.equal(problems.length, 2)
    for (const problem of problems) {
      assert.match(problem, /another program uses it\. Stop that program/)
      assert.match(problem, /postern update NetworkListener \w+ bind=ADDRESS:PORT\.$/)
    }
    assert.equal(set.facts.length, 3)
    await set.drain(0)
  } finally {
    other.close()
  }
})

test('listeners come, go and change while sessions of all of them go on', async () => {
  const set = open()
  await set.openAll([plan('same', 0), plan('gone', 0), plan('other', 0)])
  const [same, gone, other] = ports(set)
  const sessions = await Promise.all(ports(set).map((port) => Conversation.connect(port)))
  for (const c of sessions) await c.expect('220 ')
  const next = [plan('same', 0), plan('other', 0, { service: 'lmtp' }), plan('new', 0)]
  assert.deepEqual(await set.probe(next), [])
  assert.deepEqual(await set.apply(next), [])
  assert.equal(ports(set)[0], same)
  assert.deepEqual(
    set.facts.map(({ service }) => service),
    ['smtp', 'lmtp', 'smtp'],
  )
  for (const c of sessions) await ask(c)
  for (const port of [gone!, other!]) await assert.rejects(Conversation.connect(port))
  await using fresh = await Conversation.connect(ports(set)[2]!)
  await fresh.expect('220 new')
  // Sessions of listeners that are gone end with the rest.
  const drained = set.drain(10_000)
  for (const c of [...sessions, fresh]) {
    await c.expectEnd()
    c.destroy()
  }
  assert.equal(await drained, 0)
})

test('TLS and limits change for new connections without opening the port again', async () => {
  const set = open()
  await set.openAll([plan('a', 0)])
  const [port] = ports(set)
  await using plain = await Conversation.connect(port!)
  await plain.expect('220 ')
  await set.apply([plan('a', 0, { tlsImplicit: true, tlsPolicy: { disabledVersions: ['tls12'] } })])
  assert.deepEqual(ports(set), [port])
  await using secure = await Conversation.connect(port!, { tls: true })
  await secure.expect('220 ')
  await assert.rejects(Conversation.connect(port!, { tls: { maxVersion: 'TLSv1.2' } }))
  await set.apply([plan('a', 0, { maxConnections: 1 })])
  await using refused = await Conversation.connect(port!)
  await refused.expectEnd()
  await ask(plain)
  await ask(secure)
  await set.drain(0)
})

test('a worker that shares ports leaves those that the system chooses to the main one', async () => {
  const set = open({ mayChoosePorts: false })
  await set.openAll([plan('a', 0)])
  assert.deepEqual(set.facts, [])
})
