import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeApi } from './fixture.test.ts'

const base = '/api/principal'

async function withOrganisation() {
  const api = await makeApi()
  const ok = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const answer = await api.call(method, `${base}${path}`, body)
    assert.equal(answer.status, 200, JSON.stringify(answer.body))
    return (answer.body as { data: unknown }).data
  }
  const show = async (name: string) => (await ok('GET', `/${name}`)) as Record<string, unknown>
  const refused = async (method: string, path: string, body: unknown, status = 400) => {
    const answer = await api.call(method, `${base}${path}`, body)
    assert.equal(answer.status, status, JSON.stringify(answer.body))
    const { errors = [] } = answer.body as { errors?: { pointer: string; detail: string }[] }
    return errors.map(({ pointer, detail }) => `${pointer} ${detail}`)
  }
  const audited = async (): Promise<readonly string[]> => {
    const { body } = await api.call('GET', '/api/object/AuditEntry')
    const { items } = (body as { data: { items: Record<string, string>[] } }).data
    return items.map(({ verb, object, name }) => `${verb} ${object} ${name}`).reverse()
  }
  await ok('POST', '', { type: 'domain', name: 'example.org' })
  for (const who of ['alice', 'bob', 'carol'])
    await ok('POST', '', { type: 'individual', name: `${who}@example.org`, secrets: ['correct horse'] })
  return { ...api, ok, show, refused, audited }
}

const set = (field: string, value: unknown) => ({ action: 'set', field, value })
const add = (field: string, value: unknown) => ({ action: 'addItem', field, value })
const remove = (field: string, value: unknown) => ({ action: 'removeItem', field, value })

test('members of a group are a matter of the members; one commit for all of it', async () => {
  const { ok, show, refused, audited, accounts } = await withOrganisation()
  const members = ['bob@example.org', 'alice@example.org']
  assert.equal(await ok('POST', '', { type: 'group', name: 'staff@example.org', members }), 4)
  assert.deepEqual((await show('staff@example.org'))['members'], members.toSorted())
  assert.deepEqual((await show('bob@example.org'))['memberOf'], ['staff@example.org'])
  assert.deepEqual((await audited()).slice(-3), [
    'create Account staff@example.org',
    'update Account bob@example.org',
    'update Account alice@example.org',
  ])
  await ok('PATCH', '/staff@example.org', [
    add('members', 'carol@example.org'),
    remove('members', 'bob@example.org'),
    set('name', 'crew@example.org'),
  ])
  assert.deepEqual((await show('4'))['members'], ['alice@example.org', 'carol@example.org'])
  assert.deepEqual((await show('bob@example.org'))['memberOf'], [])
  assert.deepEqual((await show('carol@example.org'))['memberOf'], ['crew@example.org'])
  // One wrong member, and neither the group nor any member has changed.
  const before = await accounts.names()
  assert.deepEqual(
    await refused('POST', '', {
      type: 'group',
      name: 'more@example.org',
      members: ['bob@example.org', 'x', 5, 'crew'],
    }),
    [1, 2, 3].map((i) => `#/members/${i} must be the name of an account`),
  )
  assert.deepEqual(await accounts.names(), before)
  assert.deepEqual(await refused('PATCH', '/crew@example.org', [add('members', 'x')]), [
    '#/0/value must be the name of an account',
  ])
  await ok('DELETE', '/crew@example.org')
  assert.deepEqual((await show('carol@example.org'))['memberOf'], [])
})

test('lists: members are addresses, and an account names its lists', async () => {
  const { ok, show, refused } = await withOrganisation()
  const list = {
    type: 'list',
    name: 'all@example.org',
    emails: ['all@example.org', 'everybody@example.org'],
    members: ['alice@example.org'],
    externalMembers: [],
  }
  assert.equal(await ok('POST', '', list), 4)
  assert.deepEqual(await show('all@example.org'), {
    id: 4,
    type: 'list',
    name: 'all@example.org',
    description: '',
    emails: ['all@example.org', 'everybody@example.org'],
    members: ['alice@example.org'],
    externalMembers: [],
    enabled: true,
  })
  assert.deepEqual((await show('alice@example.org'))['lists'], ['all@example.org'])
  await ok('PATCH', '/bob@example.org', [add('lists', 'all@example.org')])
  await ok('PATCH', '/alice@example.org', [set('lists', [])])
  assert.deepEqual((await show('4'))['members'], ['bob@example.org'])
  await ok('POST', '', { type: 'individual', name: 'dave@example.org', lists: ['all@example.org'] })
  assert.deepEqual((await show('4'))['members'], ['bob@example.org', 'dave@example.org'])
  await ok('PATCH', '/4', [set('externalMembers', ['eve@elsewhere.example'])])
  assert.deepEqual((await show('4'))['members'], [
    'bob@example.org',
    'dave@example.org',
    'eve@elsewhere.example',
  ])
  assert.deepEqual(
    (await refused('PATCH', '/4', [set('externalMembers', ['nobody'])])).map((text) => text.split(' ')[0]),
    ['#/0/value/0'],
  )
  await ok('PATCH', '/4', [set('emails', ['all@example.org']), set('description', 'Everybody')])
  assert.deepEqual((await show('4'))['emails'], ['all@example.org'])
  await ok('DELETE', '/4')
  assert.deepEqual((await show('bob@example.org'))['lists'], [])
})

test('every field of a person is set, added to and taken from', async () => {
  const { ok, show, signIn } = await withOrganisation()
  await ok('POST', '', { type: 'role', name: 'helpdesk', enabledPermissions: ['sysAccountGet'] })
  await ok('POST', '', { type: 'group', name: 'staff@example.org' })
  await ok('PATCH', '/alice@example.org', [
    set('description', 'Alice'),
    set('quota', 5000),
    set('secrets', ['battery staple']),
    add('emails', 'al@example.org'),
    add('emails', '@example.org'),
    add('memberOf', 'staff@example.org'),
    add('roles', 'helpdesk'),
    add('enabledPermissions', 'sysDomainGet'),
    add('disabledPermissions', 'emailSend'),
    set('urls', []),
    set('locale', 'de'),
    set('type', 'individual'),
  ])
  const shown = await show('alice@example.org')
  assert.deepEqual(
    [shown['description'], shown['quota'], shown['secrets'], shown['emails'], shown['memberOf']],
    ['Alice', 5000, [], ['alice@example.org', 'al@example.org', '@example.org'], ['staff@example.org']],
  )
  assert.deepEqual(shown['roles'], ['user', 'helpdesk'])
  const access = await signIn.password('al@example.org', 'battery staple', {
    ip: '192.0.2.1',
    protocol: 'http',
  })
  assert.ok(access !== 'wrong')
  const may = (permission: string): boolean => (access.permissions as ReadonlySet<string>).has(permission)
  assert.deepEqual(
    ['imapFetch', 'sysAccountGet', 'sysDomainGet', 'emailSend'].map((one) => may(one)),
    [true, true, true, false],
  )
  await ok('PATCH', '/alice@example.org', [
    remove('emails', 'alice@example.org'),
    remove('emails', '@example.org'),
    remove('roles', 'user'),
    set('quota', 0),
  ])
  const after = await show('1')
  assert.deepEqual([after['emails'], after['roles'], after['quota']], [['al@example.org'], ['helpdesk'], 0])
})

test('a hash is taken as what it is', async () => {
  const { ok, signIn } = await withOrganisation()
  // Of "correct horse", by openssl passwd -6 -salt saltsalt.
  const hash =
    '$6$saltsalt$1mKfdpE/LLwIo0nBKRSF2AnIkxtfIqFo6.DrZWGcAdiVoSP64/Rnzr2eYHDRs/lLCPZKCa7JCbEkYkDlLE9We.'
  await ok('PATCH', '/bob@example.org', [set('secrets', hash)])
  const from = { ip: '192.0.2.1', protocol: 'imap' }
  assert.equal(await signIn.password('bob@example.org', hash, from), 'wrong')
})

test('wrong operations are named by their places, all at once, and nothing changes', async () => {
  const { refused, show } = await withOrganisation()
  const before = await show('alice@example.org')
  const operations = [
    set('description', 'changed'),
    set('colour', 'red'),
    add('description', 'x'),
    set('quota', -1),
    set('emails', ['alice@example.org', 'x y', 5]),
    set('type', 'group'),
    add('secrets', 'another password'),
    set('members', ['bob@example.org']),
    set('usedQuota', 1),
    add('roles', 5),
  ]
  const errors = await refused('PATCH', '/alice@example.org', operations)
  assert.deepEqual(errors.map((text) => text.split(' ')[0]).toSorted(), [
    '#/1/field',
    '#/2/action',
    '#/3/value',
    '#/4/value/1',
    '#/4/value/2',
    '#/5/field',
    '#/6/action',
    '#/7/value',
    '#/8/value',
    '#/9/value',
  ])
  assert.deepEqual(await show('alice@example.org'), before)
  const wrongForms: readonly [unknown, readonly string[]][] = [
    [{}, ['#']],
    [[], ['#']],
    [Array(1001).fill(set('quota', 1)), ['#']],
    [
      [5, null],
      ['#/0', '#/1'],
    ],
    [[{ action: 'king', field: 5, more: 1 }], ['#/0/more', '#/0/action', '#/0/field', '#/0/value']],
    ['[{"action":"set","field":"__proto__","value":{"admin":true}}]', ['#/0/field']],
    ['[{"action":"set","field":"constructor","value":1}]', ['#/0/field']],
  ]
  for (const [body, pointers] of wrongForms) {
    const found = await refused('PATCH', '/alice@example.org', body)
    assert.deepEqual(
      found.map((text) => text.split(' ')[0]),
      pointers,
    )
  }
  assert.deepEqual(await show('alice@example.org'), before)
})

test('a dry run changes nothing, and of many who add at once nobody loses', async () => {
  const { ok, call, show } = await withOrganisation()
  await ok('POST', '', { type: 'group', name: 'staff@example.org' })
  await ok('PATCH', '/staff@example.org?dryRun=true', [add('members', 'bob@example.org')])
  assert.deepEqual((await show('staff@example.org'))['members'], [])
  const added = Array.from({ length: 5 }, (_, i) => `s${i}@example.org`)
  const answers = await Promise.all(
    added.map((address) => call('PATCH', `${base}/alice@example.org`, [add('emails', address)])),
  )
  assert.ok(answers.every(({ status }) => status === 200))
  assert.deepEqual((await show('alice@example.org'))['emails'], ['alice@example.org', ...added])
})

test('whoever may see one kind only is told of that kind only', async () => {
  const { ok, ask, basic } = await withOrganisation()
  await ok('POST', '', {
    type: 'role',
    name: 'helpdesk',
    roles: ['user'],
    enabledPermissions: ['sysAccountGet', 'sysAccountQuery', 'sysAccountUpdate'],
  })
  await ok('PATCH', '/carol@example.org', [set('roles', ['helpdesk'])])
  const as = async (method: string, path: string, body?: unknown) => {
    const headers = { authorization: basic('carol@example.org', 'correct horse') }
    const init = body === undefined ? { method, headers } : { method, headers, body: JSON.stringify(body) }
    const response = await ask(`${base}${path}`, init)
    return {
      status: response.status,
      body: (await response.json()) as { data?: { items: { type: string }[] } },
    }
  }
  const { body } = await as('GET', '')
  assert.deepEqual([...new Set(body.data!.items.map(({ type }) => type))], ['individual'])
  assert.equal((await as('GET', '?types=domain')).status, 403)
  // Where it is, and where it is not: the same.
  assert.equal((await as('GET', '/example.org')).status, 403)
  assert.equal((await as('GET', '/example.com')).status, 403)
  assert.equal((await as('GET', '/nobody@example.org')).status, 404)
  assert.equal((await as('DELETE', '/bob@example.org')).status, 403)
  assert.equal((await as('PATCH', '/bob@example.org', [set('roles', ['admin'])])).status, 403)
  assert.equal((await as('PATCH', '/bob@example.org', [set('description', 'B')])).status, 200)
  assert.equal((await as('PATCH', '/admin', [set('secrets', ['another password'])])).status, 403)
})

test('methods, types of bodies: what a known path does not do is said precisely', async () => {
  const { ask, asAdmin } = await withOrganisation()
  const send = (method: string, path: string, headers: Record<string, string> = {}, body?: string) =>
    ask(path, {
      method,
      headers: { authorization: asAdmin, ...headers },
      ...(body === undefined ? {} : { body }),
    })
  const put = await send('PUT', `${base}/alice@example.org`)
  assert.deepEqual([put.status, put.headers.get('allow')], [405, 'DELETE, GET, HEAD, PATCH'])
  assert.equal(put.headers.get('content-type'), 'application/problem+json')
  assert.equal((await send('DELETE', base)).headers.get('allow'), 'GET, HEAD, POST')
  assert.equal((await send('POST', '/api/object/AuditEntry', {}, '{}')).headers.get('allow'), 'GET, HEAD')
  assert.equal((await send('HEAD', base)).status, 200)
  assert.equal((await send('PUT', '/api/nothing')).status, 404)
  const body = JSON.stringify({ type: 'domain', name: 'example.net' })
  for (const type of ['text/plain', 'application/xml', 'multipart/form-data; boundary=x'])
    assert.equal((await send('POST', base, { 'content-type': type }, body)).status, 415, type)
  // What `curl -d` says without being asked.
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  assert.equal((await send('POST', base, form, body)).status, 200)
})
