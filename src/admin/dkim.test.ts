import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeApi } from './fixture.test.ts'

interface Rotated {
  readonly domain: string
  readonly created: readonly string[]
  readonly retired: readonly string[]
}

async function withDomain() {
  const api = await makeApi()
  await api.accounts.createDomain({ name: 'example.org', aliases: ['example.net'] })
  const data = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const answer = await api.call(method, path, body)
    assert.equal(answer.status, 200, JSON.stringify(answer.body))
    return (answer.body as { data: T }).data
  }
  return { ...api, data }
}

test('programs that know the classic form make keys and ask for them', async () => {
  const { data, call } = await withDomain()
  const given = { id: null, algorithm: 'RSA', domain: 'example.org', selector: null }
  const id = await data<string>('POST', '/api/dkim', given)
  assert.equal(id, 'v1-rsa-20231114._domainkey.example.org')
  assert.match(await data<string>('GET', `/api/dkim/${id}`), /^MII/)
  assert.equal((await call('GET', '/api/dkim/rsa-example.org')).status, 404)
  assert.equal((await call('POST', '/api/dkim', { ...given, algorithm: 'DSA' })).status, 400)
})

test('an exchange says which keys are new and which are over, and is in the audit log', async () => {
  const { data, call, dump } = await withDomain()
  const first = await data<Rotated>('POST', '/api/dkim/example.net/rotate')
  assert.deepEqual(first, {
    domain: 'example.net',
    created: ['v1-ed25519-20231114._domainkey.example.net', 'v1-rsa-20231114._domainkey.example.net'],
    retired: [],
  })
  const second = await data<Rotated>('POST', '/api/dkim/example.net/rotate?now=true')
  assert.deepEqual(second.retired, first.created)
  const { items } = await data<{ items: { object: string; after: unknown }[] }>(
    'GET',
    '/api/object/AuditEntry',
  )
  assert.deepEqual(items[0]?.object, 'RotateDkimKeys')
  assert.deepEqual(items[0]?.after, second)
  const before = await dump()
  assert.equal((await call('POST', '/api/dkim/example.com/rotate')).status, 404)
  assert.deepEqual(await dump(), before)
})

test('the records of a domain are told as programs know them, and as the text of a zone', async () => {
  const { data, ask, asAdmin, call } = await withDomain()
  const records = await data<{ type: string; name: string; content: string }[]>(
    'GET',
    '/api/dns/records/EXAMPLE.net',
  )
  assert.deepEqual(
    records.map(({ type, name }) => `${name} ${type}`),
    [
      'example.net. MX',
      'example.net. TXT',
      '_dmarc.example.net. TXT',
      '_smtp._tls.example.net. TXT',
      '_submissions._tcp.example.net. SRV',
      '_submission._tcp.example.net. SRV',
      '_imaps._tcp.example.net. SRV',
      '_imap._tcp.example.net. SRV',
    ],
  )
  assert.equal(records[0]?.content, '10 mail.example.org.')
  await data('PATCH', '/api/object/Domain/example.org', { reportAddressUri: 'mailto:reports@example.com' })
  const response = await ask('/api/dns/records/example.net?format=zone', {
    headers: { authorization: asAdmin },
  })
  assert.match(response.headers.get('content-type')!, /^text\/plain/)
  assert.match(
    await response.text(),
    /\n_dmarc\.example\.net\. 3600 IN TXT "v=DMARC1; p=reject; rua=mailto:reports@example\.com"\n/,
  )
  assert.equal((await call('GET', '/api/dns/records/example.com')).status, 404)
})
