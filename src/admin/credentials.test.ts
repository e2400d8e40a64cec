import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readOtpauthUrl, hotp, totpStep } from '#account/totp.ts'
import { makeApi } from './fixture.test.ts'

const from = (protocol: string) => ({ ip: '192.0.2.1', protocol })

async function withPeople() {
  const api = await makeApi()
  await api.call('POST', '/api/object/Domain', { name: 'example.org' })
  for (const who of ['alice', 'bob'])
    await api.call('POST', '/api/object/Account', { name: `${who}@example.org`, secret: 'correct horse' })
  /** As somebody, by password, key or token. */
  const as =
    (authorization: string) =>
    async (method: string, path: string, body?: unknown, expected = 200): Promise<never> => {
      const init = { method, headers: { authorization } }
      const response = await api.ask(
        path,
        body === undefined ? init : { ...init, body: JSON.stringify(body) },
      )
      const text = await response.text()
      assert.equal(response.status, expected, `${method} ${path}: ${text}`)
      return JSON.parse(text) as never
    }
  const alice = as(api.basic('alice@example.org', 'correct horse'))
  const bob = as(api.basic('bob@example.org', 'correct horse'))
  const admin = as(api.asAdmin)
  return { ...api, as, alice, bob, admin }
}

test('an app password is shown once, is for mail programs, and ends when it is deleted', async () => {
  const { alice, signIn, as, basic, admin } = await withPeople()
  const { data } = (await alice(
    'POST',
    '/api/object/AppPassword',
    { description: 'phone', protocols: ['imap'] },
    201,
  )) as { data: { id: string; secret: string; createdAt: string } }
  assert.ok(data.secret.startsWith(`${data.id}-`))
  const shown = ((await alice('GET', `/api/object/AppPassword/${data.id}`)) as { data: object }).data
  assert.ok(!('secret' in shown))
  assert.notEqual(await signIn.password('alice@example.org', data.secret, from('imap')), 'wrong')
  assert.equal(await signIn.password('alice@example.org', data.secret, from('submission')), 'wrong')
  await as(basic('alice@example.org', data.secret))('GET', '/api/account', undefined, 401)
  await alice('PATCH', `/api/object/AppPassword/${data.id}`, { protocols: [] })
  assert.notEqual(await signIn.password('alice@example.org', data.secret, from('submission')), 'wrong')
  await alice('DELETE', `/api/object/AppPassword/${data.id}`)
  assert.equal(await signIn.password('alice@example.org', data.secret, from('imap')), 'wrong')
  const log = JSON.stringify(await admin('GET', '/api/object/AuditEntry?object=AppPassword'))
  assert.equal(log.match(/"verb":"(?:create|update|destroy)"/g)?.length, 3)
  assert.ok(!log.includes(data.secret))
})

test('what others have is not there, whether or not it is', async () => {
  const { alice, bob, admin } = await withPeople()
  const { data } = (await alice('POST', '/api/object/AppPassword', {}, 201)) as { data: { id: string } }
  for (const id of [data.id, 'zzzzz', 'x', '__proto__']) {
    for (const query of ['', '?account=alice@example.org', '?account=nobody@example.org']) {
      await bob('GET', `/api/object/AppPassword/${id}${query}`, undefined, 404)
      await bob('PATCH', `/api/object/AppPassword/${id}${query}`, { description: 'x' }, 404)
      await bob('DELETE', `/api/object/AppPassword/${id}${query}`, undefined, 404)
    }
  }
  await bob('GET', '/api/object/AppPassword?account=alice@example.org', undefined, 404)
  const list = (await admin('GET', '/api/object/AppPassword?account=alice@example.org')) as {
    data: { total: number }
  }
  assert.equal(list.data.total, 1)
  // An app password is no API key.
  await alice('GET', `/api/object/ApiKey/${data.id}`, undefined, 404)
  await admin('DELETE', `/api/object/AppPassword/${data.id}?account=alice@example.org`)
})

test('an API key does what it was limited to, and makes no key that does more', async () => {
  const { alice, as, admin } = await withPeople()
  const limited = { permissionMode: 'replace', permissions: ['sysApiKeyCreate', 'sysAccountSettingsGet'] }
  const made = (await alice('POST', '/api/object/ApiKey', limited, 201)) as { data: { secret: string } }
  const key = as(`Bearer ${made.data.secret}`)
  await key('GET', '/api/account')
  await key('PATCH', '/api/account', { description: 'x' }, 403)
  await key('POST', '/api/object/ApiKey', {}, 403)
  await key('POST', '/api/object/ApiKey', limited, 201)
  await as(`Bearer ${made.data.secret}x`)('GET', '/api/account', undefined, 401)
  await as('Bearer api_')('GET', '/api/account', undefined, 401)
  // Who manages accounts without being allowed everything gets no key of somebody who is.
  await admin(
    'POST',
    '/api/object/Role',
    {
      name: 'help',
      roles: ['user'],
      enabledPermissions: ['sysAccountUpdate', 'sysAccountGet'],
    },
    201,
  )
  await admin('PATCH', '/api/object/Account/alice@example.org', { roles: ['help'] })
  await admin('PATCH', '/api/object/Account/bob@example.org', { roles: ['admin'] })
  await alice('POST', '/api/object/ApiKey?account=bob@example.org', {}, 403)
  await alice(
    'PATCH',
    '/api/object/AccountPassword?account=bob@example.org',
    { secret: 'battery staple' },
    403,
  )
})

// Turns red where only permissions are compared.
test('a key makes none that is for longer or for more addresses, nor itself', async () => {
  const { alice, as } = await withPeople()
  const own = { expiresAt: '2100-01-01T00:00:00Z', allowedIps: ['127.0.0.0/8', '128.0.0.0/8'] }
  const made = (await alice('POST', '/api/object/ApiKey', own, 201)) as {
    data: { secret: string; id: string }
  }
  const key = as(`Bearer ${made.data.secret}`)
  for (const wider of [
    {},
    { ...own, expiresAt: '2100-01-01T00:00:01Z' },
    { expiresAt: own.expiresAt },
    { ...own, allowedIps: ['127.0.0.0/7'] },
    // Begins where what is allowed does.
    { ...own, allowedIps: ['128.0.0.0/7'] },
    { ...own, allowedIps: ['127.0.0.1', '::1'] },
  ]) {
    await key('POST', '/api/object/ApiKey', wider, 403)
    await key('POST', '/api/object/AppPassword', wider, 403)
  }
  await key('PATCH', `/api/object/ApiKey/${made.data.id}`, { expiresAt: null }, 403)
  await key('PATCH', `/api/object/ApiKey/${made.data.id}`, { allowedIps: [] }, 403)
  await key('PATCH', `/api/object/ApiKey/${made.data.id}`, { description: 'build' })
  const narrower = { expiresAt: '2099-01-01T00:00:00Z', allowedIps: ['127.0.0.1', '127.1.0.0/16'] }
  await key('POST', '/api/object/AppPassword', narrower, 201)
})

// Turns red where who acts as another is taken for the other.
test('who acts as another makes no credentials for them', async () => {
  const { alice, as, admin, basic } = await withPeople()
  const { data } = (await alice('POST', '/api/object/ApiKey', {}, 201)) as { data: { id: string } }
  await admin('PATCH', '/api/object/Account/bob@example.org', {
    permissionMode: 'merge',
    enabledPermissions: ['impersonate'],
  })
  const acting = as(basic('alice@example.org%bob@example.org', 'correct horse'))
  await acting('GET', '/api/account')
  await acting('POST', '/api/object/ApiKey', {}, 403)
  await acting('POST', '/api/object/AppPassword', {}, 403)
  await acting('PATCH', `/api/object/ApiKey/${data.id}`, { description: 'mine' }, 403)
})

test('a dry run shows no secret, since it is that of nobody', async () => {
  const { alice } = await withPeople()
  for (const kind of ['ApiKey', 'AppPassword']) {
    const { data } = (await alice('POST', `/api/object/${kind}?dryRun=true`, {}, 201)) as { data: object }
    assert.ok(!('secret' in data), JSON.stringify(data))
    assert.equal(((await alice('GET', `/api/object/${kind}`)) as { data: { total: number } }).data.total, 0)
  }
})

test('who may only look at accounts does not see what others have of their own', async () => {
  const { bob, admin } = await withPeople()
  await admin('PATCH', '/api/object/Account/bob@example.org', {
    permissionMode: 'merge',
    enabledPermissions: ['sysAccountGet'],
  })
  await bob('GET', '/api/object/Account/alice@example.org')
  await bob('GET', '/api/object/AppPassword?account=alice@example.org', undefined, 404)
  await bob('GET', '/api/object/AccountPassword?account=alice@example.org', undefined, 404)
})

test('there is a limit to how many', async () => {
  const { alice, admin } = await withPeople()
  await admin('PATCH', '/api/object/Account/alice@example.org', { quotas: { maxApiKeys: 1 } })
  await alice('POST', '/api/object/ApiKey', {}, 201)
  await alice('POST', '/api/object/ApiKey', {}, 507)
  await alice('POST', '/api/object/AppPassword', {}, 201)
})

test('people change their password with the old one, and nothing else', async () => {
  const { alice, as, basic, admin } = await withPeople()
  const wrong = [
    { secret: 'battery staple' },
    { secret: 'battery staple', currentSecret: 'wrong' },
    { secret: 'battery staple', currentSecret: '' },
    { secret: 'short', currentSecret: 'correct horse' },
    { secret: 5, currentSecret: 'correct horse' },
    { secret: 'battery staple', currentSecret: 'correct horse', extra: 1 },
  ]
  for (const body of wrong) {
    const { errors } = (await alice('POST', '/api/account/password', body, 400)) as {
      errors: { pointer: string }[]
    }
    assert.match(errors[0]!.pointer, /^#\/(?:currentSecret|secret|extra)$/)
  }
  await alice('POST', '/api/account/password', { currentSecret: 'correct horse', secret: 'battery staple' })
  await alice('GET', '/api/account', undefined, 401)
  await as(basic('alice@example.org', 'battery staple'))('GET', '/api/account')
  const log = JSON.stringify(await admin('GET', '/api/object/AuditEntry?object=AccountPassword'))
  assert.match(log, /"after":\{"secret":"\(changed\)"\}/)
})

test('a second factor: proved, asked for, recovered, and off again', async () => {
  const { alice, as, basic, clock, signIn, admin } = await withPeople()
  const before = (await alice('GET', '/api/account/auth')) as {
    data: { newOtpUrl: string; otpEnabled: boolean }
  }
  assert.equal(before.data.otpEnabled, false)
  const secret = readOtpauthUrl(before.data.newOtpUrl)!
  const code = (steps = 0): string => hotp(secret, totpStep(clock.now()) + steps)
  const on = { type: 'enableOtpAuth', currentSecret: 'correct horse', url: before.data.newOtpUrl }
  const refused = (await alice('POST', '/api/account/auth', [{ ...on, code: '000000' }], 400)) as {
    errors: { pointer: string }[]
  }
  assert.equal(refused.errors[0]!.pointer, '#/0/code')
  await alice('POST', '/api/account/auth', [{ ...on, currentSecret: 'x', code: code() }], 400)
  const { data } = (await alice('POST', '/api/account/auth', [{ ...on, code: code() }])) as {
    data: { recoveryCodes: string[] }
  }
  assert.equal(data.recoveryCodes.length, 10)
  await alice('GET', '/api/account', undefined, 401)
  assert.equal(await signIn.password('alice@example.org', 'correct horse', from('imap')), 'wrong')
  const withCode = as(basic('alice@example.org', `correct horse$${code(1)}`))
  await withCode('GET', '/api/account')
  const off = { type: 'disableOtpAuth', currentSecret: 'correct horse', code: data.recoveryCodes[0] }
  await withCode('POST', '/api/account/auth', { ...off, code: '123456' }, 400)
  await withCode('POST', '/api/account/auth', off)
  await alice('GET', '/api/account')
  const log = JSON.stringify(await admin('GET', '/api/object/AuditEntry?object=AccountPassword'))
  assert.match(log, /"after":\{"secondFactor":true,"otpUrl":"\(changed\)"\}/)
  assert.ok(!log.includes(secret.toString('hex')) && !log.includes('otpauth'))
})

test('the classic operations on app passwords', async () => {
  const { alice } = await withPeople()
  const { data } = (await alice('POST', '/api/account/auth', [
    { type: 'addAppPassword', name: 'phone' },
  ])) as {
    data: { secret: string }
  }
  assert.ok(data.secret.length > 20)
  const shown = (await alice('GET', '/api/account/auth')) as { data: { appPasswords: string[] } }
  assert.deepEqual(shown.data.appPasswords, ['phone'])
  await alice('POST', '/api/account/auth', { type: 'removeAppPassword', name: 'phone' })
  await alice('POST', '/api/account/auth', { type: 'removeAppPassword', name: 'phone' }, 400)
  for (const body of [
    null,
    [],
    [1, 2],
    {},
    { type: 'x' },
    { type: '__proto__' },
    { type: 'addAppPassword', x: 1 },
  ])
    await alice('POST', '/api/account/auth', body, 400)
})

test('the administrator without an account has a password and no keys', async () => {
  const { admin, alice, as, basic } = await withPeople()
  await admin('POST', '/api/object/ApiKey', {}, 404)
  await admin('GET', '/api/account', undefined, 404)
  await alice('PATCH', '/api/principal/admin', [{ action: 'set', field: 'secrets', value: 'x' }], 403)
  await admin('POST', '/api/account/password', { secret: 'battery staple' })
  await as(basic('admin', 'battery staple'))('GET', '/api/status')
})
