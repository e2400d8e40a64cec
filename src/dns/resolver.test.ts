import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeAnswer } from '../../test/harness/dns-wire.ts'
import { type Reply, startDns } from '../../test/harness/dns.ts'
import { at, limits, makeResolver } from './fixture.test.ts'
import { addresses, joined, mx, ptr, tlsa, txt } from './look-up.ts'
import { mostAliases } from './answer.ts'

const zones = {
  'example.org': {
    A: ['192.0.2.1', '192.0.2.2'],
    AAAA: ['2001:db8::1'],
    MX: ['20 b.example.org', '10 a.example.org'],
    TXT: [['v=spf1 ', '-all'], 'other'],
    NS: ['ns.example.org'],
    SOA: ['ns.example.org root.example.org 1 2 3 4 5'],
    CAA: ['0 issue ca.example'],
    TYPE65: ['000100'],
    DS: ['0102'],
  },
  '1.2.0.192.in-addr.arpa': { PTR: ['example.org'] },
  '_25._tcp.a.example.org': { TLSA: ['3 1 1 00ff'] },
  '_imaps._tcp.example.org': { SRV: ['0 1 993 imap.example.org'] },
  'alias.example.org': { CNAME: ['other.example.org'] },
  'other.example.org': { CNAME: ['Example.ORG'] },
  'dangling.example.org': { CNAME: ['nowhere.example.net'] },
  'four.example.org': { A: ['192.0.2.4'] },
  'nothing.example.org': {},
} as const

test('every type of record', async () => {
  await using dns = await startDns(zones)
  using resolver = makeResolver([at(dns)])
  const records = async (name: string, type: Parameters<typeof resolver.resolve>[1]) => {
    const found = await resolver.resolve(name, type)
    assert.equal(found.kind, 'answer')
    return found.kind === 'answer'
      ? found.records.map(({ name: _, ttl: __, type: ___, ...data }) => data)
      : []
  }
  assert.deepEqual(await records('example.org', 'A'), [{ ip: '192.0.2.1' }, { ip: '192.0.2.2' }])
  assert.deepEqual(await records('EXAMPLE.org.', 'AAAA'), [{ ip: '2001:db8::1' }])
  assert.deepEqual(await records('example.org', 'NS'), [{ target: 'ns.example.org' }])
  assert.equal((await records('example.org', 'SOA')).length, 1)
  assert.deepEqual(await records('example.org', 'CAA'), [
    { flags: 0, tag: 'issue', value: Buffer.from('ca.example') },
  ])
  assert.deepEqual(await records('example.org', 'TYPE65'), [{ bytes: Buffer.from('000100', 'hex') }])
  assert.deepEqual(await records('example.org', 'DS'), [{ bytes: Buffer.from('0102', 'hex') }])
  assert.deepEqual(await records('_imaps._tcp.example.org', 'SRV'), [
    { priority: 0, weight: 1, port: 993, target: 'imap.example.org' },
  ])
})

test('in the words of mail', async () => {
  await using dns = await startDns(zones)
  using resolver = makeResolver([at(dns)])
  const exchanges = await mx(resolver, 'example.org')
  assert.ok(exchanges.kind === 'answer')
  assert.deepEqual(
    exchanges.records.map(({ exchange }) => exchange),
    ['a.example.org', 'b.example.org'],
  )
  const texts = await txt(resolver, 'example.org')
  assert.ok(texts.kind === 'answer')
  assert.deepEqual(
    texts.records.map((one) => joined(one).toString()),
    ['v=spf1 -all', 'other'],
  )
  const names = await ptr(resolver, Buffer.of(192, 0, 2, 1))
  assert.ok(names.kind === 'answer')
  assert.equal(names.records[0]!.target, 'example.org')
  const certificates = await tlsa(resolver, 'a.example.org', 25)
  assert.ok(certificates.kind === 'answer')
  assert.deepEqual(certificates.records[0]!.association, Buffer.from('00ff', 'hex'))
})

test('addresses of both kinds, IPv6 first, and what is there where one kind fails', async () => {
  await using dns = await startDns(zones)
  using resolver = makeResolver([at(dns)])
  const ips = async (name: string) => {
    const found = await addresses(resolver, name)
    return found.kind === 'answer' ? found.records.map(({ ip }) => ip) : found.kind
  }
  assert.deepEqual(await ips('example.org'), ['2001:db8::1', '192.0.2.1', '192.0.2.2'])
  assert.deepEqual(await ips('four.example.org'), ['192.0.2.4'])
  assert.equal(await ips('nothing.example.org'), 'noData')
  assert.equal(await ips('nowhere.example.org'), 'noName')
  const failsForSix: Reply = ({ id, question, type }, honest) => [
    type === 'AAAA' ? encodeAnswer({ id, question, rcode: 2 }) : honest(),
  ]
  resolver.clock.advance(86_400_000)
  dns.behave('*', failsForSix)
  assert.deepEqual(await ips('four.example.org'), ['192.0.2.4'])
  assert.equal(await ips('nothing.example.org'), 'failed')
})

test('what there is not, and what could not be found out', async () => {
  await using dns = await startDns(zones)
  using resolver = makeResolver([at(dns)])
  const kind = async (name: string) => (await resolver.resolve(name, 'TLSA')).kind
  assert.equal(await kind('example.org'), 'noData')
  assert.equal(await kind('_tcp.example.org'), 'noData', 'an empty name above others')
  assert.equal(await kind('nowhere.example.org'), 'noName')
  const why = async (name: string, asked = resolver) => {
    const found = await asked.resolve(name, 'A')
    assert.ok(found.kind === 'failed' && found.temporary, name)
    return [found.why, found.reason] as const
  }
  dns.behave('servfail.example.org', 'servFail')
  dns.behave('refused.example.org', 'refused')
  dns.behave('drop.example.org', 'drop')
  dns.behave('garbage.example.org', 'garbage')
  dns.behave('bogus.example.org', ({ id, question }) => [
    encodeAnswer({ id, question, rcode: 2, edns: [{ code: 6, text: 'signature expired' }] }),
  ])
  const server = `udp://127.0.0.1:${dns.port}`
  assert.deepEqual(await why('servfail.example.org'), ['servFail', `${server}: SERVFAIL`])
  assert.deepEqual(await why('refused.example.org'), ['refused', `${server}: REFUSED`])
  using hasty = makeResolver([at(dns)], { timeoutMs: 50 })
  assert.deepEqual(await why('drop.example.org', hasty), ['timeout', `${server}: no answer in time`])
  assert.equal((await why('garbage.example.org'))[0], 'malformed')
  assert.deepEqual(await why('bogus.example.org'), [
    'bogus',
    `${server}: SERVFAIL (extended error 6: signature expired)`,
  ])
})

test('what is no name is not asked for', async () => {
  await using dns = await startDns()
  using resolver = makeResolver([at(dns)])
  for (const name of ['', 'a..b', `${'a'.repeat(64)}.example`, 'a b.example', 'ä.example'])
    assert.equal((await resolver.resolve(name, 'MX')).kind, 'noName')
  assert.equal(dns.queries.length, 0)
})

test('aliases are followed in one answer and over several', async () => {
  await using dns = await startDns(zones)
  using resolver = makeResolver([at(dns)])
  const found = await resolver.resolve('alias.example.org', 'AAAA')
  assert.ok(found.kind === 'answer')
  assert.equal(found.name, 'example.org')
  assert.equal(dns.queries.length, 1)
  assert.equal((await resolver.resolve('dangling.example.org', 'A')).kind, 'noName')
  assert.equal((await resolver.resolve('alias.example.org', 'TLSA')).kind, 'noData')
  assert.equal((await resolver.resolve('alias.example.org', 'CNAME')).kind, 'answer')
  const oneStep: Reply = ({ id, question, name }) => [
    encodeAnswer({ id, question, answers: [{ name, type: 'CNAME', ttl: 7, data: 'four.example.org' }] }),
  ]
  dns.behave('step.example.org', oneStep)
  const stepped = await resolver.resolve('step.example.org', 'A')
  assert.ok(stepped.kind === 'answer')
  assert.deepEqual([stepped.name, stepped.ttl, stepped.records[0]!.ip], ['four.example.org', 7, '192.0.2.4'])
  assert.equal(dns.count('four.example.org'), 1)
})

test('chains of aliases end', async () => {
  await using dns = await startDns()
  using resolver = makeResolver([at(dns)])
  dns.behave('endless.example.org', 'endlessAliases')
  const found = await resolver.resolve('endless.example.org', 'MX')
  assert.ok(found.kind === 'failed')
  assert.equal(found.why, 'tooManyAliases')
  assert.equal(dns.queries.length, mostAliases + 1)
  dns.set('loop.example.org', { CNAME: ['loop.example.org'] })
  assert.equal((await resolver.resolve('loop.example.org', 'A')).kind, 'failed')
})

test('records that nobody asked for are not taken (RFC 5452 §6)', async () => {
  await using dns = await startDns()
  using resolver = makeResolver([at(dns)])
  const ttl = 60
  dns.behave('example.org', ({ id, question }) => [
    encodeAnswer({
      id,
      question,
      answers: [
        { name: 'victim.example', type: 'MX', ttl, data: '0 evil.example' },
        { name: 'example.org', type: 'MX', ttl, data: '10 mx.example.org' },
        { name: 'example.org', type: 'MX', ttl: 5, data: '10 mx.example.org' },
      ],
      authority: [{ name: 'victim.example', type: 'NS', ttl, data: 'evil.example' }],
      additional: [{ name: 'mx.example.org', type: 'A', ttl, data: '203.0.113.66' }],
    }),
  ])
  const found = await resolver.resolve('example.org', 'MX')
  assert.ok(found.kind === 'answer')
  assert.deepEqual([found.records.length, found.ttl], [1, 5])
  assert.equal((await resolver.resolve('victim.example', 'MX')).kind, 'noName')
  assert.equal((await resolver.resolve('mx.example.org', 'A')).kind, 'noName')
})

test('answers are kept as long as they hold and no longer', async () => {
  await using dns = await startDns(zones)
  using resolver = makeResolver([at(dns)], { limits: { ...limits, maxNegativeTtlMs: 100_000 } })
  const ask = async (name: string) => resolver.resolve(name, 'A')
  const first = await ask('four.example.org')
  assert.ok(first.kind === 'answer' && !first.cached)
  resolver.clock.advance(299_500)
  const last = await ask('FOUR.example.org')
  assert.ok(last.kind === 'answer' && last.cached)
  assert.deepEqual([last.ttl, last.records[0]!.ttl], [1, 1])
  assert.equal(dns.count('four.example.org'), 1)
  resolver.clock.advance(500)
  await ask('four.example.org')
  assert.equal(dns.count('four.example.org'), 2)
  await resolver.resolve('four.example.org', 'A', { fresh: true })
  assert.equal(dns.count('four.example.org'), 3)
  for (const name of ['nothing.example.org', 'nowhere.example.org']) {
    await ask(name)
    resolver.clock.advance(99_000)
    await ask(name)
    assert.equal(dns.count(name), 1)
    resolver.clock.advance(1000)
    await ask(name)
    assert.equal(dns.count(name), 2)
  }
})

test('a negative answer holds as long as its SOA says, if that is the SOA of the name', async () => {
  await using dns = await startDns()
  using resolver = makeResolver([at(dns)])
  const says =
    (zone: string): Reply =>
    ({ id, question }) => {
      const soa = { name: zone, type: 'SOA', ttl: 3600, data: 'ns.test root.test 1 2 3 4 60' } as const
      return [encodeAnswer({ id, question, authority: [soa] })]
    }
  const ttl = async (name: string) => {
    const found = await resolver.resolve(name, 'A')
    return found.kind === 'noData' ? found.ttl : found.kind
  }
  dns.behave('a.example.org', says('example.org'))
  dns.behave('b.example.org', says('b.example.org'))
  dns.behave('c.example.org', says('example.net'))
  assert.deepEqual(
    [await ttl('a.example.org'), await ttl('b.example.org'), await ttl('c.example.org')],
    [60, 60, 0],
  )
})

test('no SOA, no negative answer to keep (RFC 2308 §5); a failure is remembered for a second', async () => {
  await using dns = await startDns()
  using resolver = makeResolver([at(dns)])
  dns.behave('example.org', ({ id, question }) => [encodeAnswer({ id, question, rcode: 3 })])
  dns.behave('example.net', 'servFail')
  const ask = async (name: string) => resolver.resolve(name, 'A')
  await ask('example.org')
  await ask('example.org')
  assert.equal(dns.count('example.org'), 2)
  await ask('example.net')
  await ask('example.net')
  assert.equal(dns.count('example.net'), 1)
  resolver.clock.advance(1000)
  await ask('example.net')
  assert.equal(dns.count('example.net'), 2)
})

test('memory is bounded, and TTLs have bounds', async () => {
  await using dns = await startDns()
  const bounded = { bytes: 20_000, minTtlMs: 10_000, maxTtlMs: 20_000, maxNegativeTtlMs: 0 }
  using resolver = makeResolver([at(dns)], { limits: bounded })
  for (let i = 0; i < 40; i++) {
    dns.set(`t${i}.example.org`, { TXT: ['x'.repeat(1000)] })
    await resolver.resolve(`t${i}.example.org`, 'TXT')
  }
  assert.equal(dns.queries.length, 40)
  await resolver.resolve('t39.example.org', 'TXT')
  assert.equal(dns.queries.length, 40)
  await resolver.resolve('t0.example.org', 'TXT')
  assert.equal(dns.queries.length, 41)
  resolver.clock.advance(20_000)
  await resolver.resolve('t0.example.org', 'TXT')
  assert.equal(dns.queries.length, 42)
})

test('the same question at the same time is one', async () => {
  await using dns = await startDns(zones)
  using resolver = makeResolver([at(dns)])
  const found = await Promise.all(Array.from({ length: 50 }, () => resolver.resolve('example.org', 'MX')))
  assert.ok(found.every(({ kind }) => kind === 'answer'))
  assert.equal(dns.queries.length, 1)
})

test('one who leaves does not disturb the others; when all have left nobody asks any more', async () => {
  await using dns = await startDns(zones)
  using resolver = makeResolver([at(dns)])
  const one = new AbortController()
  dns.behave('example.org', (_, honest) => {
    one.abort(new Error('one left'))
    return [honest()]
  })
  const first = resolver.resolve('example.org', 'A', { signal: one.signal })
  const second = resolver.resolve('example.org', 'A')
  await assert.rejects(first, /one left/)
  assert.equal((await second).kind, 'answer')
  assert.equal(dns.queries.length, 1)
  await assert.rejects(resolver.resolve('example.org', 'A', { signal: one.signal }), /one left/)

  const last = new AbortController()
  dns.behave('example.org', () => {
    last.abort(new Error('all left'))
    return []
  })
  await assert.rejects(resolver.resolve('example.org', 'MX', { signal: last.signal }), /all left/)
  dns.behave('example.org', undefined)
  assert.equal((await resolver.resolve('example.org', 'MX')).kind, 'answer')
})

test('authentic: only by trusted servers, for every step, and also from memory', async () => {
  await using dns = await startDns(zones, { authentic: true })
  using trusting = makeResolver([at(dns, { trusted: true })])
  using other = makeResolver([at(dns)])
  const authentic = async (resolver: typeof other, name: string, type: 'MX' | 'TLSA' = 'MX') => {
    const found = await resolver.resolve(name, type)
    return found.kind !== 'failed' && found.authentic
  }
  assert.equal(await authentic(trusting, 'example.org'), true)
  assert.equal(await authentic(trusting, 'example.org'), true)
  assert.equal(await authentic(trusting, 'example.org', 'TLSA'), true, 'that there is nothing')
  assert.equal(await authentic(trusting, 'nowhere.example.org'), true)
  assert.equal(await authentic(other, 'example.org'), false)
  const ttl = 60
  const unsigned: Reply = ({ id, question, name }) => [
    encodeAnswer({ id, question, answers: [{ name, type: 'CNAME', ttl, data: 'example.org' }] }),
  ]
  dns.behave('unsigned.example.net', unsigned)
  const boasts: Reply = ({ id, question, name }) => [
    encodeAnswer({
      id,
      question,
      authentic: true,
      answers: [{ name, type: 'MX', ttl, data: '0 mx.example.org' }],
    }),
  ]
  dns.behave('boasts.example.net', boasts)
  assert.equal(await authentic(other, 'boasts.example.net'), false)
  assert.equal(await authentic(trusting, 'boasts.example.net'), true)
  assert.equal(await authentic(trusting, 'unsigned.example.net'), false)
})

test('what servers of before answer late is not kept for those that are asked now', async () => {
  await using dns = await startDns(zones)
  using resolver = makeResolver([at(dns)])
  const late = resolver.resolve('four.example.org', 'A')
  resolver.forget(limits)
  assert.equal((await late).kind, 'answer')
  await resolver.resolve('four.example.org', 'A')
  assert.equal(dns.count('four.example.org'), 2)
})
