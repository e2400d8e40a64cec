import assert from 'node:assert/strict'
import { test } from 'node:test'
import { elsewhereByTls as client, here, makeApi } from './fixture.test.ts'

const me = '/api/account/auth'
const config = `[Http]
rateLimitAuthenticated = "3/1m"
rateLimitAnonymous = "2/1m"
`

/** An API with an account that may see itself only. */
async function limitedApi() {
  const api = await makeApi({ config })
  await api.accounts.createDomain({ name: 'example.org' })
  await api.accounts.createAccount({ name: 'alice@example.org', password: 'correct horse' })
  const ask = (path: string, authorization: string): Promise<Response> =>
    api.ask(path, { headers: { authorization }, client })
  return { ...api, ask, alice: api.basic('alice@example.org', 'correct horse'), askFrom: api.ask }
}

// Planted: the gate does not look at what it counted.
test('RFC 6585 §4: more than an account may ask is refused with 429, Retry-After and what is left', async () => {
  const { ask, alice } = await limitedApi()
  const first = await ask(me, alice)
  assert.equal(first.headers.get('ratelimit-policy'), '"account";q=3;w=60')
  assert.equal(first.headers.get('ratelimit'), '"account";r=2;t=20')
  assert.ok(first.status < 429)
  await ask(me, alice)
  await ask(me, alice)
  const refused = await ask(me, alice)
  assert.equal(refused.status, 429)
  assert.equal(refused.headers.get('retry-after'), '20')
  assert.equal(refused.headers.get('ratelimit'), '"account";r=0;t=20')
  assert.equal(refused.headers.get('content-type'), 'application/problem+json')
})

test('whoever runs the server has the permission unlimitedRequests', async () => {
  const { ask, asAdmin } = await limitedApi()
  for (let i = 0; i < 10; i++) {
    const response = await ask('/api/principal', asAdmin)
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('ratelimit'), null)
  }
})

// Planted: wrong passwords are looked at for ever.
test('wrong sign-ins and requests without one count for the address, and the password is looked at no more', async () => {
  const { ask, basic, asAdmin, told } = await limitedApi()
  assert.equal((await ask('/api/principal', '')).status, 401)
  assert.equal((await ask('/api/principal', basic('admin', 'wrong'))).status, 401)
  told.length = 0
  for (const authorization of ['', basic('admin', 'wrong'), asAdmin]) {
    const refused = await ask('/api/principal', authorization)
    assert.equal(refused.status, 429)
    assert.equal(refused.headers.get('retry-after'), '30')
  }
  assert.deepEqual(told, [])
})

test('pages count for the address, health checks do not, and this machine has no limit', async () => {
  const { ask, askFrom } = await limitedApi()
  // The page with its styles.
  assert.deepEqual([(await ask('/', '')).status, (await ask('/style.css', '')).status], [200, 200])
  assert.equal((await ask('/', '')).status, 429)
  assert.equal((await ask('/.well-known/mta-sts.txt', '')).status, 429)
  for (let i = 0; i < 10; i++) {
    assert.equal((await ask('/healthz/live', '')).status, 200)
    assert.equal((await askFrom('/', { client: here })).status, 200)
  }
})
