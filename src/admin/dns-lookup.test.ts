import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startDns } from '../../test/harness/dns.ts'
import type { ShownLookup } from './dns-lookup.ts'
import { makeApi } from './fixture.test.ts'

const zones = {
  'example.org': { MX: ['10 mx.example.org'] },
  'alias.example.org': { CNAME: ['example.org'] },
  'xn--bcher-kva.example': { A: ['192.0.2.1'] },
  '1.2.0.192.in-addr.arpa': { PTR: ['mail.example.org'] },
} as const

test('what the DNS says, for administrators', async () => {
  await using dns = await startDns(zones, { authentic: true })
  const api = await makeApi({ config: dns.config })
  const look = async (query: string): Promise<ShownLookup> => {
    const { status, body } = await api.call('GET', `/api/dns/lookup?${query}`)
    assert.equal(status, 200)
    return (body as { data: ShownLookup }).data
  }
  const { tookMs, ...found } = await look('name=Alias.example.org&type=mx')
  assert.ok(tookMs >= 0)
  assert.deepEqual(found, {
    name: 'alias.example.org',
    type: 'MX',
    kind: 'answer',
    canonicalName: 'example.org',
    records: [{ name: 'example.org', ttl: 300, data: '10 mx.example.org' }],
    ttl: 300,
    authentic: true,
    server: `udp://127.0.0.1:${dns.port}`,
    cached: false,
  })
  assert.equal((await look('name=alias.example.org&type=MX')).cached, true)
  assert.equal((await look('name=example.org')).kind, 'noData')
  assert.equal((await look('name=nowhere.example.org&type=TYPE65')).kind, 'noName')
  assert.equal((await look(`name=${encodeURIComponent('bücher.example')}`)).records[0]?.data, '192.0.2.1')
  assert.equal((await look('name=192.0.2.1&type=PTR')).records[0]?.data, 'mail.example.org')
  dns.behave('broken.example.org', 'servFail')
  const broken = await look('name=broken.example.org')
  assert.deepEqual([broken.kind, broken.why], ['failed', 'servFail'])
})

test('what is no question, and who may not ask', async () => {
  const api = await makeApi()
  for (const query of ['', 'name=', 'name=a..b', 'name=example.org&type=ANY', 'name=example.org&server=x'])
    assert.equal((await api.call('GET', `/api/dns/lookup?${query}`)).status, 400, query)
  assert.equal((await api.ask('/api/dns/lookup?name=example.org')).status, 401)
})
