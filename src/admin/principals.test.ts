import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeApi } from './fixture.test.ts'

const domain = { type: 'domain', name: 'example.org' }
const alice = {
  type: 'individual',
  name: 'alice@example.org',
  emails: ['alice@example.org', 'al@example.org'],
  secrets: ['correct horse'],
  description: 'Alice',
  quota: 1_000_000,
}

async function withAlice() {
  const api = await makeApi()
  assert.deepEqual(await api.call('POST', '/api/principal', domain), {
    status: 200,
    body: { data: 'example.org' },
  })
  assert.deepEqual(await api.call('POST', '/api/principal', alice), { status: 200, body: { data: 1 } })
  return api
}

const shownAlice = {
  id: 1,
  type: 'individual',
  name: 'alice@example.org',
  emails: ['alice@example.org', 'al@example.org'],
  description: 'Alice',
  quota: 1_000_000,
  usedQuota: 0,
  secrets: [],
  memberOf: [],
  members: [],
  externalMembers: [],
  lists: [],
  roles: ['user'],
  enabledPermissions: [],
  disabledPermissions: [],
  urls: [],
  enabled: true,
}

test('what was created is shown, and its owner can sign in', async () => {
  const { call, signIn, told } = await withAlice()
  for (const name of ['alice@example.org', 'ALICE%40example.org', '1']) {
    assert.deepEqual(await call('GET', `/api/principal/${name}`), { status: 200, body: { data: shownAlice } })
  }
  assert.deepEqual((await call('GET', '/api/principal/example.org')).body, {
    data: { id: 'example.org', type: 'domain', name: 'example.org', description: '', enabled: true },
  })
  const access = await signIn.password('al@example.org', 'correct horse', {
    ip: '192.0.2.1',
    protocol: 'imap',
  })
  assert.ok(access !== 'wrong' && access.account === 1)
  assert.ok(!JSON.stringify(told).includes('horse'))
})

test('the whole classic form is taken where what is not supported is empty', async () => {
  const { call } = await withAlice()
  const { status, body } = await call('POST', '/api/principal', {
    type: 'individual',
    quota: 0,
    name: 'bob@example.org',
    description: 'Bob',
    secrets: 'battery staple',
    emails: 'bob@example.org',
    urls: [],
    memberOf: [],
    roles: ['user'],
    lists: [],
    members: [],
    enabledPermissions: [],
    disabledPermissions: [],
    externalMembers: [],
  })
  assert.deepEqual([status, body], [200, { data: 2 }])
})

test('lists: by type, in pages', async () => {
  const { call } = await withAlice()
  await call('POST', '/api/principal', { type: 'domain', name: 'example.net' })
  for (const who of ['carol', 'bob']) {
    await call('POST', '/api/principal', { type: 'individual', name: `${who}@example.net`, roles: ['admin'] })
  }
  const names = async (query: string): Promise<unknown> => {
    const { data } = (await call('GET', `/api/principal${query}`)).body as {
      data: { items: { name: string }[]; total: number }
    }
    return [...data.items.map((item) => item.name), data.total]
  }
  const domains = ['example.net', 'example.org']
  const people = ['alice@example.org', 'bob@example.net', 'carol@example.net']
  assert.deepEqual(await names(''), [...domains, ...people, 'user', 'group', 'admin', 8])
  assert.deepEqual(await names('?types=domain'), [...domains, 2])
  assert.deepEqual(await names('?types=individual'), [...people, 3])
  assert.deepEqual(await names('?types=domain,individual&page=2&limit=2'), [people[0], people[1], 5])
  assert.deepEqual(await names('?page=3&limit=2'), [people[2], 'user', 8])
  assert.deepEqual(await names('?page=1&limit=3'), [...domains, people[0], 8])
  assert.deepEqual(await names('?page=9'), [8])
  assert.deepEqual(await names('?types=group'), [0])
  assert.deepEqual(await names('?filter=EXAMPLE.NET'), [domains[0], people[1], people[2], 3])
  const { body } = await call('GET', '/api/principal?types=individual&limit=1&fields=name,emails')
  const { emails } = alice
  assert.deepEqual(body, {
    data: { items: [{ id: 1, type: 'individual', name: alice.name, emails }], total: 3 },
  })
  for (const query of ['types=king', 'page=0', 'page=x', 'limit=0', 'limit=1001', 'fields=x', 'more=1']) {
    const answer = await call('GET', `/api/principal?${query}`)
    assert.equal(answer.status, 400, query)
    assert.deepEqual((answer.body as { properties: string[] }).properties, [query.split('=')[0]])
  }
})

test('a password is set; the administrator has one too', async () => {
  const { call, signIn, ask, basic } = await withAlice()
  const set = (value: unknown) => [{ action: 'set', field: 'secrets', value }]
  assert.deepEqual(await call('PATCH', '/api/principal/alice@example.org', set('battery staple')), {
    status: 200,
    body: { data: null },
  })
  const from = { ip: '192.0.2.1', protocol: 'imap' }
  assert.equal(await signIn.password('alice@example.org', 'correct horse', from), 'wrong')
  assert.notEqual(await signIn.password('alice@example.org', 'battery staple', from), 'wrong')
  for (const body of [
    [],
    {},
    set(['a', 'b']),
    set('short'),
    set([]),
    [{ action: 'set', field: 'name', value: 'x' }],
  ]) {
    assert.equal(
      (await call('PATCH', '/api/principal/alice@example.org', body)).status,
      400,
      JSON.stringify(body),
    )
  }
  assert.equal((await call('PATCH', '/api/principal/nobody@example.org', set('battery staple'))).status, 404)
  assert.equal((await call('PATCH', '/api/principal/admin', set(['another one']))).status, 200)
  assert.equal(
    (await ask('/api/status', { headers: { authorization: basic('admin', 'another one') } })).status,
    200,
  )
})

test('what is not there is not found', async () => {
  const { call } = await withAlice()
  for (const path of [
    '/api/principal/bob@example.org',
    '/api/principal/2',
    '/api/principal/x',
    '/api/nothing',
    '/nothing',
  ]) {
    const { status, body } = await call('GET', path)
    assert.equal(status, 404, path)
    assert.equal((body as { title: string }).title, 'Not Found')
  }
})

test('what exists is not created again', async () => {
  const { call } = await withAlice()
  for (const body of [domain, alice, { ...alice, name: 'al@example.org', emails: [] }]) {
    const answer = await call('POST', '/api/principal', body)
    assert.equal(answer.status, 409)
  }
})

/** What is sent, and the properties that the answer names. */
const bad: readonly [string, unknown, readonly string[] | undefined][] = [
  ['no JSON', '{', undefined],
  ['nothing', '', undefined],
  ['null', null, ['']],
  ['a number', 5, ['']],
  ['a list', [], ['']],
  ['text', '"alice"', ['']],
  ['deep nesting', `{"type":${'['.repeat(100)}${']'.repeat(100)}}`, [`type${'/0'.repeat(63)}`]],
  ['a name twice', '{"type":"domain","name":"a.example","name":"b.example"}', ['name']],
  ['no type', { name: 'a.example' }, ['type']],
  ['unknown type', { type: 'tenant', name: 'a.example' }, ['type']],
  ['type as list', { type: ['domain'], name: 'a.example' }, ['type']],
  ['domain without name', { type: 'domain' }, ['name']],
  ['domain with a number', { type: 'domain', name: 5 }, ['name']],
  ['domain that is none', { type: 'domain', name: 'not a domain' }, ['name']],
  ['domain too long', { type: 'domain', name: `${'a.'.repeat(200)}example` }, ['name']],
  ['domain with unknown field', { ...domain, name: 'a.example', colour: 'red' }, ['colour']],
  ['domain with quota', { ...domain, name: 'a.example', quota: 5 }, ['quota']],
  ['domain description', { ...domain, name: 'a.example', description: 'x'.repeat(1001) }, ['description']],
  ['__proto__', '{"type":"domain","name":"a.example","__proto__":{"isAdmin":true}}', ['__proto__']],
  ['constructor', '{"type":"domain","name":"a.example","constructor":{"prototype":{}}}', ['constructor']],
  ['name missing', { type: 'individual' }, ['name']],
  ['name null', { type: 'individual', name: null }, ['name']],
  ['name as object', { type: 'individual', name: { a: 1 } }, ['name']],
  ['name without domain', { ...alice, name: 'bob' }, ['name']],
  ['name too long', { ...alice, name: `${'a'.repeat(400)}@example.org` }, ['name']],
  ['name with NUL', { ...alice, name: 'b\0b@example.org' }, ['name']],
  ['name with a lone surrogate', { ...alice, name: 'b\ud800b@example.org' }, ['name']],
  ['unknown domain', { ...alice, name: 'bob@example.net' }, ['name']],
  ['emails as number', { ...alice, name: 'bob@example.org', emails: 5 }, ['emails']],
  ['emails of numbers', { ...alice, name: 'bob@example.org', emails: [5] }, ['emails/0']],
  [
    'emails that are none',
    { ...alice, name: 'bob@example.org', emails: ['bob@example.org', 'x'] },
    ['emails/1'],
  ],
  [
    'too many emails',
    { ...alice, name: 'bob@example.org', emails: Array.from({ length: 501 }, (_, i) => `b${i}@example.org`) },
    ['emails'],
  ],
  ['quota as text', { ...alice, name: 'bob@example.org', quota: 'lots' }, ['quota']],
  ['quota below zero', { ...alice, name: 'bob@example.org', quota: -1 }, ['quota']],
  ['quota too large', { ...alice, name: 'bob@example.org', quota: 1e300 }, ['quota']],
  ['two secrets', { ...alice, name: 'bob@example.org', emails: [], secrets: ['a', 'b'] }, ['secrets']],
  ['secret as number', { ...alice, name: 'bob@example.org', emails: [], secrets: [5] }, ['secrets']],
  ['secret too short', { ...alice, name: 'bob@example.org', emails: [], secrets: ['1234567'] }, ['secrets']],
  [
    'secret too long',
    { ...alice, name: 'bob@example.org', emails: [], secrets: ['x'.repeat(1025)] },
    ['secrets'],
  ],
  [
    'secret as hash',
    { ...alice, name: 'bob@example.org', emails: [], secrets: ['$6$salt$abcdefghijkl'] },
    ['secrets'],
  ],
  [
    'secret as {SSHA}',
    { ...alice, name: 'bob@example.org', emails: [], secrets: ['{SSHA}abcdefghijkl'] },
    ['secrets'],
  ],
  ['roles as an object', { ...alice, name: 'bob@example.org', roles: { admin: true } }, ['roles']],
  ['unknown role', { ...alice, name: 'bob@example.org', emails: [], roles: ['king'] }, ['roles/0']],
  ['unknown group', { ...alice, name: 'bob@example.org', memberOf: ['staff'] }, ['memberOf/0']],
  ['members of a person', { ...alice, name: 'bob@example.org', members: ['alice@example.org'] }, ['members']],
  [
    'unknown lists',
    { ...alice, name: 'bob@example.org', lists: ['alice@example.org', 5] },
    ['lists/0', 'lists/1'],
  ],
  ['the same under two names', { ...alice, name: 'bob@example.org', aliases: [] }, ['aliases']],
  [
    'several at once',
    {
      type: 'group',
      name: 'x',
      emails: ['staff@example.org', 'y'],
      members: ['z'],
      quota: -1,
      urls: ['http://x'],
    },
    ['urls', 'members/0', 'name', 'emails/1', 'quota'],
  ],
  ['unknown field', { ...alice, name: 'bob@example.org', isAdmin: true }, ['isAdmin']],
]

test('bad bodies: 400 with the names of the wrong properties, and nothing changes', async (t) => {
  const { call, accounts, crashes } = await withAlice()
  for (const [what, body, properties] of bad) {
    await t.test(what, async () => {
      const answer = await call('POST', '/api/principal', body)
      const problem = answer.body as { title: string; detail: string; properties?: string[] }
      assert.equal(answer.status, 400, problem.detail)
      assert.equal(problem.title, 'Bad Request')
      assert.deepEqual(problem.properties, properties)
      assert.ok(problem.detail.length > 0 && problem.detail.length < 500)
    })
  }
  assert.deepEqual(await accounts.names(), ['alice@example.org'])
  assert.equal((await accounts.listDomains()).length, 1)
  assert.deepEqual(crashes, [])
  assert.equal(({} as Record<string, unknown>)['isAdmin'], undefined)
})

test('a body beyond 1 MiB is refused, whether its length is declared or not', async () => {
  const { ask, asAdmin } = await withAlice()
  const body = JSON.stringify({ ...alice, description: 'x'.repeat(1_100_000) })
  for (const length of [{ 'content-length': String(body.length) }, { 'transfer-encoding': 'chunked' }]) {
    const headers = { authorization: asAdmin, ...length } as Record<string, string>
    assert.equal((await ask('/api/principal', { method: 'POST', headers, body })).status, 413)
  }
})
