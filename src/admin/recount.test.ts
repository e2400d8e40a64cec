import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeApi } from './fixture.test.ts'

test('a recount is scheduled for one account or for all, and stands in the audit log', async () => {
  const { call, accounts, recounted, ask, basic } = await makeApi()
  await accounts.createDomain({ name: 'example.org' })
  const { id } = await accounts.createAccount({
    name: 'alice@example.org',
    password: 'correct horse battery',
  })
  assert.equal((await call('POST', '/api/quota/recount')).status, 200)
  assert.equal((await call('POST', '/api/quota/recount?account=alice@example.org')).status, 200)
  assert.equal((await call('POST', `/api/quota/recount?account=${id}`)).status, 200)
  assert.equal((await call('POST', '/api/quota/recount?account=bob@example.org')).status, 404)
  assert.deepEqual(recounted, [undefined, id, id])
  const log = (await call('GET', '/api/object/AuditEntry?verb=action')).body as { data: { total: number } }
  assert.equal(log.data.total, 3)
  const headers = { authorization: basic('alice@example.org', 'correct horse battery') }
  assert.equal((await ask('/api/quota/recount', { method: 'POST', headers })).status, 403)
})
