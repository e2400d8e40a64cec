import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeApi } from './fixture.test.ts'

async function withSettings() {
  const api = await makeApi()
  const ok = async (method: string, path: string, body?: unknown): Promise<never> => {
    const answer = await api.call(method, `/api/settings${path}`, body)
    assert.equal(answer.status, 200, JSON.stringify(answer.body))
    return (answer.body as { data: never }).data
  }
  const refused = async (body: unknown, status = 400): Promise<readonly string[]> => {
    const answer = await api.call('POST', '/api/settings', body)
    assert.equal(answer.status, status, JSON.stringify(answer.body))
    return ((answer.body as { errors?: { pointer: string }[] }).errors ?? []).map(({ pointer }) => pointer)
  }
  const listener = {
    type: 'insert',
    prefix: 'server.listener.extra',
    values: [
      ['bind.0000', '127.0.0.1:0'],
      ['bind.0001', '127.0.0.2:0'],
      ['protocol', 'imap'],
    ],
  }
  return { ...api, ok, refused, listener }
}

test('keys are inserted, shown, deleted and cleared', async () => {
  const { ok, listener } = await withSettings()
  await ok('POST', '', [listener, { type: 'insert', values: [['server.threads', '2']] }])
  assert.deepEqual(await ok('GET', '/list?prefix=server.listener.extra'), {
    total: 3,
    items: { 'bind.0000': '127.0.0.1:0', 'bind.0001': '127.0.0.2:0', protocol: 'imap' },
  })
  assert.deepEqual(await ok('GET', '/keys?keys=server.threads,server.listener.extra.bind,nothing'), {
    'server.threads': '2',
    'server.listener.extra.bind.0000': '127.0.0.1:0',
    'server.listener.extra.bind.0001': '127.0.0.2:0',
  })
  assert.deepEqual(await ok('GET', '/group?prefix=server.listener&suffix=protocol'), {
    total: 1,
    items: [{ _id: 'extra', 'bind.0000': '127.0.0.1:0', 'bind.0001': '127.0.0.2:0', protocol: 'imap' }],
  })
  await ok('POST', '', [{ type: 'delete', keys: ['server.threads'] }])
  assert.deepEqual(await ok('GET', '/keys?keys=server.threads'), { 'server.threads': '1' })
  await ok('POST', '', [{ type: 'clear', prefix: 'server.listener.extra.' }])
  assert.deepEqual(await ok('GET', '/list?prefix=server.listener'), { total: 0, items: {} })
})

test('clear and insert at once replaces; a dry run and assert_empty change nothing', async () => {
  const { ok, refused, listener } = await withSettings()
  await ok('POST', '?dryRun=true', [listener])
  assert.deepEqual(await ok('GET', '/list?prefix=server.listener'), { total: 0, items: {} })
  await ok('POST', '', [{ ...listener, assert_empty: true }])
  await refused([{ ...listener, assert_empty: true }], 409)
  await ok('POST', '', [
    { type: 'clear', prefix: 'server.listener.extra' },
    { type: 'insert', prefix: 'server.listener.extra', values: [['bind', '127.0.0.3:0']] },
  ])
  assert.deepEqual(await ok('GET', '/list?prefix=server.listener.extra'), {
    total: 1,
    items: { 'bind.0000': '127.0.0.3:0' },
  })
})

test('what is wrong is named by its place, and nothing changes', async () => {
  const { ok, refused, listener, dump, crashes, signIn } = await withSettings()
  await ok('GET', '/list')
  await signIn.settled()
  const before = await dump()
  const insert = (...values: unknown[]) => ({ type: 'insert', values })
  const cases: readonly [unknown, readonly string[]][] = [
    [{}, ['#']],
    [[], ['#']],
    [
      [5, null],
      ['#/0', '#/1'],
    ],
    [[{ type: 'x' }], ['#/0/type']],
    [[{ type: 'insert', values: [], more: 1 }], ['#/0/more']],
    [[{ type: 'insert', values: [['a']] }], ['#/0/values']],
    [[{ type: 'insert', values: [['a', 5]] }], ['#/0/values']],
    [[{ type: 'delete', keys: 'x' }], ['#/0/keys']],
    [[{ type: 'clear' }], ['#/0/prefix']],
    [[{ ...listener, assert_empty: 'x' }], ['#/0/assert_empty']],
    [[insert(['no.such.key', '1'], ['__proto__', '1'])], ['#/0/values/0', '#/0/values/1']],
    [[insert(['server.threads', 'many'])], ['#/0/values/0']],
    [[listener, insert(['server.threads', '0'])], ['#/1/values/0']],
    [[{ ...listener, values: [['bind.0000', 'x']] }], ['#/0/values/0']],
    [[{ type: 'delete', keys: ['server.threads', 'nothing'] }], ['#/0/keys/1']],
  ]
  for (const [body, pointers] of cases) assert.deepEqual(await refused(body), pointers, JSON.stringify(body))
  assert.deepEqual(await dump(), before)
  assert.deepEqual(crashes, [])
  assert.deepEqual(await ok('GET', '/list'), { total: 0, items: {} })
})

test('everybody sees and changes what they may, and secrets stay secret', async () => {
  const { ok, call, ask, basic } = await withSettings()
  await call('POST', '/api/object/Domain', { name: 'example.org' })
  const rights = { permissionMode: 'merge', enabledPermissions: ['sysSystemSettingsGet', 'sysImapGet'] }
  for (const [name, more] of [
    ['alice', rights],
    ['bob', {}],
  ] as const)
    await call('POST', '/api/object/Account', {
      name: `${name}@example.org`,
      secret: 'correct horse',
      ...more,
    })
  await ok('POST', '', [
    {
      type: 'insert',
      values: [
        ['authentication.fallback-admin.secret', 'hunter2 and more'],
        ['server.threads', '2'],
      ],
    },
  ])
  const shown = JSON.stringify(await ok('GET', '/list'))
  assert.ok(shown.includes('authentication.fallback-admin.secret') && !shown.includes('hunter2'))
  const as = (who: string, method: string, path: string, body?: unknown) =>
    ask(`/api/settings${path}`, {
      method,
      headers: { authorization: basic(`${who}@example.org`, 'correct horse') },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  const seen = (await (await as('alice', 'GET', '/list')).json()) as { data: object }
  assert.deepEqual(seen.data, { total: 1, items: { 'server.threads': '2' } })
  assert.equal((await as('bob', 'GET', '/list')).status, 403)
  const change = [{ type: 'insert', values: [['server.threads', '3']] }]
  assert.equal((await as('alice', 'POST', '', change)).status, 403)
  assert.equal((await as('bob', 'POST', '', change)).status, 403)
})
