import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIp } from '#base/ip.ts'
import { AuthZone, type ZoneData } from '../../test/harness/auth-zone.ts'
import { checkIprev } from './iprev.ts'

const back = '1.2.0.192.in-addr.arpa'
const ip = parseIp('192.0.2.1')!
const check = (data: ZoneData) => checkIprev({ ip, resolver: new AuthZone(data) })

test('pass: the first name that leads back (RFC 8601 §2.7.3)', async () => {
  const data: ZoneData = {
    [back]: [{ PTR: 'old.example.org' }, { PTR: 'Mx.example.org.' }, { PTR: 'mx2.example.org' }],
    'old.example.org': [{ A: '192.0.2.7' }],
    'mx.example.org': [{ A: '192.0.2.2' }, { A: '192.0.2.1' }, { AAAA: '::1' }],
    'mx2.example.org': [{ A: '192.0.2.1' }],
  }
  assert.deepEqual(await check(data), {
    result: 'pass',
    name: 'Mx.example.org',
    names: ['old.example.org', 'Mx.example.org', 'mx2.example.org'],
    reason: '192.0.2.1 is Mx.example.org',
  })
})

test('pass over IPv6', async () => {
  const v6 = parseIp('2001:db8::1')!
  const resolver = new AuthZone({
    [`1.${'0.'.repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa`]: [{ PTR: 'mx.example.org' }],
    'mx.example.org': [{ AAAA: '2001:DB8:0:0::1' }],
  })
  assert.equal((await checkIprev({ ip: v6, resolver })).name, 'mx.example.org')
  assert.deepEqual(
    resolver.asked.map((question) => question.split(' ')[0]),
    ['PTR', 'AAAA'],
  )
})

test('permerror: no name', async () => {
  assert.equal((await check({})).result, 'permerror')
  assert.equal((await check({ [back]: [] })).result, 'permerror')
  // No host has such names.
  assert.equal((await check({ [back]: [{ PTR: '.' }, { PTR: 'a\\.b.example' }] })).result, 'permerror')
})

test('fail: no name leads back, or it has no address', async () => {
  const other = { [back]: [{ PTR: 'a.example' }], 'a.example': [{ A: '192.0.2.2' }, { AAAA: '::1' }] }
  assert.deepEqual(await check(other), {
    result: 'fail',
    name: undefined,
    names: ['a.example'],
    reason: '192.0.2.1 is called a.example, which does not lead back to it',
  })
  assert.equal((await check({ [back]: [{ PTR: 'a.example' }] })).result, 'fail')
  assert.equal((await check({ [back]: [{ PTR: 'a.example' }], 'a.example': [] })).result, 'fail')
})

test('temperror: no answer, unless another name passes', async () => {
  assert.equal((await check({ [back]: ['TIMEOUT'] })).result, 'temperror')
  const slow: ZoneData = { [back]: [{ PTR: 'a.example' }, { PTR: 'b.example' }], 'a.example': ['TIMEOUT'] }
  assert.deepEqual(await check(slow), {
    result: 'temperror',
    name: undefined,
    names: ['a.example', 'b.example'],
    reason: 'addresses of a.example: no answer',
  })
  assert.equal((await check({ ...slow, 'b.example': [{ A: '192.0.2.1' }] })).name, 'b.example')
})

test('of many names ten are looked up, one after the other', async () => {
  const names = Array.from({ length: 20 }, (_, i) => `n${i}.example`)
  const resolver = new AuthZone({
    [back]: names.map((PTR) => ({ PTR })),
    'n10.example': [{ A: '192.0.2.1' }],
  })
  assert.equal((await checkIprev({ ip, resolver })).result, 'fail')
  assert.deepEqual(resolver.asked, [`PTR ${back}`, ...names.slice(0, 10).map((name) => `A ${name}`)])
})

test('time that runs out is a temperror; what else is thrown is not hidden', async () => {
  const signal = AbortSignal.abort(new Error('over'))
  assert.equal((await checkIprev({ ip, resolver: new AuthZone({}), signal })).result, 'temperror')
  const resolver = { resolve: () => Promise.reject(new Error('a fault of ours')) }
  await assert.rejects(checkIprev({ ip, resolver }), /a fault of ours/)
})
