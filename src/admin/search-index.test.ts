import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeApi } from './fixture.test.ts'

test('indexes are made anew for one account or for all, which stands in the audit log', async () => {
  const { call, accounts, reindexed, ask, basic } = await makeApi()
  await accounts.createDomain({ name: 'example.org' })
  const { id } = await accounts.createAccount({
    name: 'alice@example.org',
    password: 'correct horse battery',
  })
  assert.equal((await call('POST', '/api/search/reindex')).status, 200)
  assert.equal((await call('POST', '/api/search/reindex?account=alice@example.org')).status, 200)
  assert.equal((await call('POST', `/api/search/reindex?account=${id}`)).status, 200)
  assert.equal((await call('POST', '/api/search/reindex?account=bob@example.org')).status, 404)
  assert.deepEqual(reindexed, [undefined, id, id])
  const log = (await call('GET', '/api/object/AuditEntry?verb=action')).body as { data: { total: number } }
  assert.equal(log.data.total, 3)
  const status = await call('GET', '/api/search/index?account=alice@example.org')
  assert.deepEqual(status.body, {
    data: { accounts: 1, behind: 0, messages: 0, waiting: 0, segments: 0, sizeBytes: 0 },
  })
  const headers = { authorization: basic('alice@example.org', 'correct horse battery') }
  assert.equal((await ask('/api/search/reindex', { method: 'POST', headers })).status, 403)
  assert.equal((await ask('/api/search/index', { headers })).status, 403)
})
