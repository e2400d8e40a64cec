import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeAnswer } from '../../test/harness/dns-wire.ts'
import { type Behaviour, startDns } from '../../test/harness/dns.ts'
import { at, makeResolver } from './fixture.test.ts'

const zones = { 'example.org': { A: ['192.0.2.1'], TXT: [['a'.repeat(250), 'b'.repeat(250)]] } } as const
const other = { 'example.org': { A: ['192.0.2.99'] } } as const

/** The address that was found, or why none was. */
async function look(resolver: ReturnType<typeof makeResolver>, name = 'example.org'): Promise<string> {
  const found = await resolver.resolve(name, 'A')
  if (found.kind === 'answer') return found.records[0]!.ip
  return found.kind === 'failed' ? found.why : found.kind
}

test('what is cut off over UDP is asked for over TCP', async () => {
  await using dns = await startDns({
    'example.org': { ...zones['example.org'], TXT: Array(20).fill('x'.repeat(200)) },
  })
  using resolver = makeResolver([at(dns)])
  const found = await resolver.resolve('example.org', 'TXT')
  assert.ok(found.kind === 'answer')
  assert.deepEqual(
    dns.queries.map(({ isStream }) => isStream),
    [false, true],
  )
  dns.behave('example.org', 'truncateAlways')
  assert.equal(await look(resolver), 'malformed')
})

test('a lot of records', async () => {
  const texts = Array.from({ length: 3000 }, (_, i) => `${i}`)
  await using dns = await startDns({ 'example.org': { TXT: texts } })
  using resolver = makeResolver([at(dns)])
  const found = await resolver.resolve('example.org', 'TXT')
  assert.ok(found.kind === 'answer')
  assert.equal(found.records.length, 3000)
})

test('what somebody forges is passed over, or asked for over TCP', async () => {
  await using dns = await startDns(zones)
  const outcome = async (behaviour: Behaviour, timeoutMs = 60_000) => {
    using resolver = makeResolver([at(dns)], { timeoutMs })
    dns.behave('example.org', behaviour)
    return await look(resolver)
  }
  assert.equal(await outcome('forgedFirst'), '192.0.2.1')
  assert.equal(await outcome('wrongId', 50), 'timeout')
  assert.equal(await outcome('wrongQuestion', 50), 'timeout')
  assert.equal(await outcome('wrongCase'), '192.0.2.1')
  const flood: Behaviour = ({ id, question, isStream }, honest) => {
    if (isStream) return [honest()]
    const wrong = encodeAnswer({ id: id ^ 1, question })
    return Array.from({ length: 40 }, () => wrong)
  }
  assert.equal(await outcome(flood), '192.0.2.1')
})

test('the case of names is random, the ids are, and the ports are', async () => {
  await using dns = await startDns(zones)
  using resolver = makeResolver([at(dns)])
  for (let i = 0; i < 20; i++) await look(resolver, `name${i}.example.org`)
  assert.ok(new Set(dns.queries.map(({ id }) => id)).size > 15)
  const spelled = dns.queries.map(({ question }) => question.toString('latin1'))
  assert.ok(spelled.some((text) => /[A-Z]/.test(text)))
})

test('who does not understand EDNS is asked without, and from then on', async () => {
  await using dns = await startDns(zones)
  using resolver = makeResolver([at(dns)])
  dns.behave('*', 'formErr')
  assert.equal(await look(resolver), '192.0.2.1')
  assert.equal(await look(resolver, 'a.example.org'), 'noName')
  assert.deepEqual(
    dns.queries.map(({ hasEdns }) => hasEdns),
    [true, false, false],
  )
})

test('the last attempt is made over TCP', async () => {
  await using dns = await startDns(zones)
  dns.behave('example.org', ({ isStream, id }, honest) => {
    if (isStream) return [honest()]
    const garbage = Buffer.alloc(40, 0xee)
    garbage.writeUInt16BE(id, 0)
    return [garbage]
  })
  using resolver = makeResolver([at(dns)], { attempts: 2 })
  assert.equal(await look(resolver), '192.0.2.1')
  using stubborn = makeResolver([at(dns)], { attempts: 2, tcpOnError: false })
  assert.equal(await look(stubborn), 'malformed')
})

test('the next server is asked where one fails, and one that does not answer comes last from then on', async () => {
  await using dead = await startDns()
  await using dns = await startDns(zones)
  dead.behave('*', 'garbage')
  using resolver = makeResolver([at(dead), at(dns)])
  assert.equal(await look(resolver), '192.0.2.1')
  assert.equal(dead.queries.length, 1)
  assert.equal(await look(resolver, 'a.example.org'), 'noName')
  assert.equal(dead.queries.length, 1)
  resolver.clock.advance(1000)
  dead.behave('*', undefined)
  assert.equal(await look(resolver, 'b.example.org'), 'noName')
  assert.equal(dead.queries.length, 2)
})

test('where one is slow the next is asked as well', async () => {
  await using slow = await startDns()
  await using dns = await startDns(zones)
  slow.behave('*', 'drop')
  using resolver = makeResolver([at(slow), at(dns)], {
    concurrency: 2,
    timeoutMs: 60_000,
    deadlineMs: 60_000,
  })
  assert.equal(await look(resolver), '192.0.2.1')
  assert.deepEqual([slow.queries.length, dns.queries.length], [1, 1])
  assert.equal(await look(resolver, 'a.example.org'), 'noName')
  assert.equal(slow.queries.length, 1, 'it comes last for a while')
})

test('a port where nobody listens, and no server at all', async () => {
  const dns = await startDns(zones)
  await dns[Symbol.asyncDispose]()
  using resolver = makeResolver([at(dns)], { attempts: 2 })
  assert.equal(await look(resolver), 'network')
  using nobody = makeResolver([])
  assert.equal(await look(nobody), 'network')
})

test('the deadline holds over all attempts', async () => {
  await using dns = await startDns(zones)
  dns.behave('example.org', 'drop')
  using resolver = makeResolver([at(dns)], { attempts: 5, deadlineMs: 50 })
  assert.equal(await look(resolver), 'timeout')
})

test('wrong signatures that a trusted server found are not hidden by one that does not look', async () => {
  await using validating = await startDns(zones)
  await using careless = await startDns(other)
  const servers = [at(validating, { trusted: true }), at(careless)]
  using resolver = makeResolver(servers)
  validating.behave('example.org', ({ id, question }) => [
    encodeAnswer({ id, question, rcode: 2, edns: [{ code: 7, text: '' }] }),
  ])
  assert.equal(await look(resolver), 'bogus')
  resolver.clock.advance(1000)
  validating.behave('example.org', 'servFail')
  assert.equal(await look(resolver), 'servFail')
  assert.equal(careless.queries.length, 0)
  resolver.clock.advance(1000)
  validating.behave('example.org', 'refused')
  assert.equal(await look(resolver), '192.0.2.99')
})

test('a server that does not ask others is none for us', async () => {
  await using dns = await startDns(zones)
  using resolver = makeResolver([at(dns)])
  dns.behave('example.org', ({ id, question }) => [
    encodeAnswer({
      id,
      question,
      recursive: false,
      authority: [{ name: 'org', type: 'NS', ttl: 60, data: 'a0.org.example' }],
    }),
  ])
  assert.equal(await look(resolver), 'refused')
})
