/** Name servers by the API, asked by a real server. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ShownLookup } from '#admin/dns-lookup.ts'
import { startDns } from '../../harness/dns.ts'
import { startServer } from '../../harness/server.ts'

test('look-ups go to the name servers of the settings, and to others when these change', async () => {
  await using one = await startDns({ 'example.org': { MX: ['10 one.example.org'] } })
  await using two = await startDns({ 'example.org': { MX: ['10 two.example.org'] } })
  await using server = await startServer({ asksSystem: true })
  const look = async (query: string): Promise<ShownLookup> => {
    const response = await server.api('GET', `/api/dns/lookup?${query}`)
    assert.equal(response.status, 200, server.process.output)
    return ((await response.json()) as { data: ShownLookup }).data
  }
  for (const [dns, exchange] of [
    [one, '10 one.example.org'],
    [two, '10 two.example.org'],
  ] as const) {
    const wanted = { type: 'custom', servers: [{ address: '127.0.0.1', port: dns.port }] }
    const changed = await server.api('PATCH', '/api/object/DnsResolver', wanted)
    assert.equal(changed.status, 200, await changed.text())
    const found = await look('name=example.org&type=MX')
    assert.equal(found.records[0]?.data, exchange)
    assert.equal(found.server, `udp://127.0.0.1:${dns.port}`)
  }
  two.behave('*', 'servFail')
  assert.equal((await look('name=other.example.org')).kind, 'failed')
  const metrics = await (await server.api('GET', '/metrics')).text()
  assert.match(metrics, /^dns_queries_total [1-9]/m)
  assert.match(metrics, /^dns_failures_total [1-9]/m)
})
