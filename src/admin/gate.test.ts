import assert from 'node:assert/strict'
import { test } from 'node:test'
import { adminToken, elsewhere, elsewhereByTls, here, makeApi } from './fixture.test.ts'

const list = '/api/principal'

test('the administrator gets in by TLS from anywhere, in clear from this machine only', async () => {
  const { ask, asAdmin, told } = await makeApi()
  const headers = { authorization: asAdmin }
  assert.equal((await ask(list, { headers, client: here })).status, 200)
  assert.equal((await ask(list, { headers, client: elsewhereByTls })).status, 200)
  told.length = 0
  const response = await ask(list, { headers, client: elsewhere })
  assert.equal(response.status, 403)
  assert.match(((await response.json()) as { detail: string }).detail, /needs HTTPS/)
  assert.deepEqual(told, [], 'the password was not even looked at')
  assert.equal((await ask(list, { client: elsewhere })).status, 403)
})

test('without or with wrong credentials: 401 with a challenge, and an event', async () => {
  const { ask, basic, told } = await makeApi()
  for (const authorization of [
    '',
    'Basic',
    'Basic !',
    basic('admin', 'wrong'),
    basic('', ''),
    'Digest x',
    'Bearer ',
    'Bearer x',
  ]) {
    const response = await ask(list, { headers: { authorization } })
    assert.equal(response.status, 401, authorization)
    const error = authorization === 'Bearer x' ? ', error="invalid_token"' : ''
    assert.equal(
      response.headers.get('www-authenticate'),
      `Basic realm="Postern", charset="UTF-8", Bearer realm="Postern"${error}`,
    )
    assert.equal(response.headers.get('content-type'), 'application/problem+json')
  }
  assert.ok(told.some((event) => event.event === 'auth.failed' && event['ip'] === '127.0.0.1'))
})

test('an account may administer only with the right to', async () => {
  const { ask, accounts, basic } = await makeApi()
  await accounts.createDomain({ name: 'example.org' })
  await accounts.createAccount({ name: 'root@example.org', password: 'correct horse', roles: ['admin'] })
  await accounts.createAccount({ name: 'alice@example.org', password: 'correct horse' })
  const status = async (name: string) =>
    (await ask(list, { headers: { authorization: basic(name, 'correct horse') } })).status
  assert.equal(await status('root@example.org'), 200)
  assert.equal(await status('alice@example.org'), 403)
})

test('the admin token works on this machine only', async () => {
  const { ask } = await makeApi()
  const headers = { authorization: `Bearer ${adminToken}` }
  assert.equal((await ask(list, { headers, client: here })).status, 200)
  assert.equal((await ask(list, { headers, client: elsewhereByTls })).status, 403)
  assert.equal((await ask(list, { headers: { authorization: 'Bearer other' } })).status, 401)
})

test("another site's page may not use what the browser remembers", async () => {
  const { ask, asAdmin } = await makeApi()
  const from = async (origin: string) =>
    (await ask(list, { headers: { authorization: asAdmin, origin, host: 'mail.example.org:8443' } })).status
  assert.equal(await from('https://mail.example.org:8443'), 200)
  assert.equal(await from('https://evil.example'), 403)
  assert.equal(await from('null'), 403)
})

test('metrics: open to this machine, to administrators elsewhere', async () => {
  const { ask, asAdmin } = await makeApi()
  const response = await ask('/metrics')
  assert.equal(response.status, 200)
  assert.equal(await response.text(), 'auth_failures_total 0\n')
  assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4')
  assert.equal((await ask('/metrics', { client: elsewhere })).status, 403)
  assert.equal((await ask('/metrics', { client: elsewhereByTls })).status, 401)
  assert.equal(
    (await ask('/metrics', { client: elsewhereByTls, headers: { authorization: asAdmin } })).status,
    200,
  )
})

test('health needs no password and tells strangers no reason', async () => {
  const { ask, state } = await makeApi()
  assert.equal((await ask('/healthz/live', { client: elsewhere })).status, 200)
  assert.equal((await ask('/healthz/ready', { client: elsewhere })).status, 200)
  state.notReady = 'the disk is full'
  assert.equal((await ask('/healthz/live')).status, 200)
  const local = await ask('/healthz/ready')
  assert.equal(local.status, 503)
  assert.equal(await local.text(), 'not ready: the disk is full\n')
  assert.equal(await (await ask('/healthz/ready', { client: elsewhere })).text(), 'not ready\n')
})

test('status says what runs', async () => {
  const { call, accounts } = await makeApi()
  await accounts.createDomain({ name: 'example.org' })
  const { body } = await call('GET', '/api/status')
  const { data } = body as { data: Record<string, unknown> }
  assert.equal(data['hostName'], 'mail.example.org')
  assert.equal(data['domains'], 1)
  assert.equal(data['accounts'], 0)
  assert.equal((data['listeners'] as unknown[]).length, 6)
})
