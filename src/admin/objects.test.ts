import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeApi } from './fixture.test.ts'

const base = '/api/object'

async function withDomain() {
  const api = await makeApi()
  assert.equal((await api.call('POST', `${base}/Domain`, { name: 'example.org' })).status, 201)
  const data = async (method: string, path: string, body?: unknown) => {
    const answer = await api.call(method, `${base}${path}`, body)
    assert.ok(answer.status < 300, JSON.stringify(answer.body))
    return (answer.body as { data: Record<string, unknown> }).data
  }
  const refused = async (method: string, path: string, body: unknown, status: number) => {
    const answer = await api.call(method, `${base}${path}`, body)
    assert.equal(answer.status, status, JSON.stringify(answer.body))
    return answer.body as { detail: string; errors?: { pointer: string; detail: string }[] }
  }
  return { ...api, data, refused }
}

test('an organisation is described, changed and taken apart again', async () => {
  const { data, refused, accounts, signIn } = await withDomain()
  const staff = await data('POST', '/Account', { type: 'group', name: 'staff@example.org' })
  await data('POST', '/Role', { name: 'helpdesk', enabledPermissions: ['sysAccountGet'], roles: ['user'] })
  const alice = await data('POST', '/Account', {
    name: 'Alice@example.org',
    aliases: [{ address: 'sales-*@example.org' }, { address: '/inv-\\d+/@example.org', enabled: false }],
    memberOf: ['staff@example.org'],
    roles: ['helpdesk'],
    secret: 'correct horse battery',
    quotas: { maxDiskQuota: '10 MiB' },
  })
  assert.equal(alice['id'], '2')
  assert.equal(alice['secret'], undefined)
  assert.deepEqual(alice['quotas'], {
    maxDiskQuota: 10 << 20,
    maxEmails: 0,
    maxMailboxes: 0,
    maxAppPasswords: 0,
    maxApiKeys: 0,
  })
  assert.deepEqual((await data('GET', '/Account/staff@example.org'))['members'], ['alice@example.org'])
  const access = await signIn.password('alice@example.org', 'correct horse battery', {
    ip: '192.0.2.1',
    protocol: 'imap',
  })
  assert.ok(access !== 'wrong' && access.permissions.has('sysAccountGet'))
  assert.deepEqual(access.groups, [Number(staff['id'])])
  const who = async (address: string): Promise<string> => {
    const found = await accounts.resolve(address)
    return found.kind === 'local' ? found.account.name : found.kind
  }
  assert.equal(await who('sales-eu@example.org'), 'alice@example.org')
  assert.equal(await who('inv-12@example.org'), 'unknownUser')
  await data('PATCH', '/Account/alice@example.org', { aliasesEnabled: false })
  assert.equal(await who('sales-eu@example.org'), 'unknownUser')
  await data('PATCH', '/Domain/example.org', {
    aliases: ['example.net'],
    catchAllAddress: 'staff@example.org',
  })
  assert.equal(await who('alice@example.net'), 'alice@example.org')
  assert.equal(await who('anything@example.net'), 'staff@example.org')
  assert.match((await refused('DELETE', '/Domain/example.org', undefined, 409)).detail, /still has addresses/)
  await data('DELETE', '/Account/2')
  await data('DELETE', `/Account/${staff['id'] as string}`)
  await data('DELETE', '/Domain/example.org')
  assert.equal(await who('alice@example.net'), 'remote')
  const audit = (await data('GET', '/AuditEntry')) as unknown as {
    items: Record<string, unknown>[]
    total: number
  }
  assert.deepEqual(
    audit.items.map(({ verb, object, name }) => `${verb as string} ${object as string} ${name as string}`),
    [
      'destroy Domain example.org',
      'destroy Account staff@example.org',
      'destroy Account alice@example.org',
      'update Domain example.org',
      'update Account alice@example.org',
      'create Account alice@example.org',
      'create Role helpdesk',
      'create Account staff@example.org',
      'create Domain example.org',
    ],
  )
  assert.ok(!JSON.stringify(audit).includes('horse'))
  assert.match(JSON.stringify(audit), /"secret":"\(changed\)"/)
})

test('what is wrong is named property by property, and nothing changes', async () => {
  const { refused, accounts } = await withDomain()
  const body = {
    name: 'not an address',
    colour: 'red',
    aliases: [{ address: 'x@example.org' }, { address: '((' }, 5],
    quotas: { maxEmails: -1, more: 1 },
    members: ['bob@example.org'],
  }
  const { errors } = await refused('POST', '/Account', body, 400)
  assert.deepEqual(errors?.map(({ pointer }) => pointer).sort(), [
    '#/aliases/1/address',
    '#/aliases/2',
    '#/colour',
    '#/members',
    '#/name',
    '#/quotas/maxEmails',
    '#/quotas/more',
  ])
  assert.deepEqual(await accounts.names(), [])
})

test('a dry run says what would be and changes nothing; an old revision changes nothing', async () => {
  const { data, call, ask, asAdmin, accounts } = await withDomain()
  const planned = await call('POST', `${base}/Account?dryRun=true`, { name: 'bob@example.org' })
  assert.equal(planned.status, 201)
  assert.deepEqual(await accounts.names(), [])
  const bob = await data('POST', '/Account', { name: 'bob@example.org' })
  const change = (revision: string) =>
    ask(`${base}/Account/bob@example.org`, {
      method: 'PATCH',
      headers: { authorization: asAdmin, 'if-match': `"${revision}"` },
      body: '{"description":"Bob"}',
    })
  assert.equal((await change(bob['revision'] as string)).status, 200)
  assert.equal((await change(bob['revision'] as string)).status, 412)
})

// Turns red where only what a role itself disables is looked at.
test('nobody gets back what a role in a role takes away', async () => {
  const { data, ask, basic } = await withDomain()
  await data('POST', '/Role', { name: 'noRoot', disabledPermissions: ['sysDomainDestroy'] })
  await data('POST', '/Role', { name: 'limits', roles: ['noRoot'] })
  await data('POST', '/Account', {
    name: 'deputy@example.org',
    roles: ['admin', 'limits'],
    secret: 'correct horse',
  })
  const as = async (method: string, path: string, body: unknown): Promise<number> => {
    const headers = { authorization: basic('deputy@example.org', 'correct horse') }
    return (await ask(`${base}${path}`, { method, headers, body: JSON.stringify(body) })).status
  }
  assert.equal(await as('PATCH', '/Role/noRoot', { disabledPermissions: [] }), 403)
  assert.equal(await as('PATCH', '/Role/limits', { roles: [] }), 403)
  assert.equal(await as('DELETE', '/Role/limits', undefined), 403)
  assert.equal(await as('POST', '/Role', { name: 'other', roles: ['noRoot'] }), 201)
})

test('nobody gives away what they have not', async () => {
  const { data, ask, basic } = await withDomain()
  await data('POST', '/Role', {
    name: 'helpdesk',
    roles: ['user'],
    enabledPermissions: ['sysAccountGet', 'sysAccountUpdate', 'sysAccountCreate', 'sysRoleCreate'],
  })
  await data('POST', '/Account', { name: 'help@example.org', roles: ['helpdesk'], secret: 'correct horse' })
  await data('POST', '/Account', { name: 'root@example.org', roles: ['admin'], secret: 'correct horse' })
  await data('POST', '/Account', { name: 'bob@example.org', secret: 'correct horse' })
  const as = async (method: string, path: string, body: unknown): Promise<number> => {
    const headers = { authorization: basic('help@example.org', 'correct horse') }
    return (await ask(`${base}${path}`, { method, headers, body: JSON.stringify(body) })).status
  }
  assert.equal(await as('PATCH', '/Account/bob@example.org', { description: 'Bob' }), 200)
  assert.equal(await as('PATCH', '/Account/bob@example.org', { secret: 'battery staple' }), 200)
  assert.equal(await as('PATCH', '/Account/root@example.org', { secret: 'battery staple' }), 403)
  assert.equal(await as('PATCH', '/Account/bob@example.org', { roles: ['admin'] }), 403)
  assert.equal(await as('PATCH', '/Account/help@example.org', { roles: ['admin'] }), 403)
  assert.equal(await as('POST', '/Account', { name: 'eve@example.org', roles: ['admin'] }), 403)
  assert.equal(await as('POST', '/Role', { name: 'king', enabledPermissions: ['sysDomainDestroy'] }), 403)
  assert.equal(await as('DELETE', '/Account/bob@example.org', undefined), 403)
  assert.equal(await as('POST', '/Domain', { name: 'example.com' }), 403)
})
