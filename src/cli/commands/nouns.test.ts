import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { serve } from '../fixture.test.ts'

async function withOrganisation(t: TestContext) {
  const server = await serve(t)
  const { postern } = server
  const done = async (line: string, given = {}) => {
    const result = await postern(line, given)
    assert.equal(result.code, 0, `${line}: ${result.err}`)
    return result.out
  }
  await done('domain create example.org')
  for (const name of ['alice', 'bob']) await done(`account create ${name}@example.org --no-password`)
  return { ...server, done }
}

test('groups have members, lists recipients', async (t) => {
  const { done, json, postern } = await withOrganisation(t)
  assert.match(
    await done('group create sales@example.org'),
    /^The group sales@example\.org was created\.\nNext: postern group add-member sales@/,
  )
  await done('group add-member sales@example.org alice@example.org bob@example.org')
  assert.match(
    (await postern('group add-member sales@example.org nobody@example.org')).err,
    /there is no account nobody@example\.org\n {2}`postern account list` lists/,
  )
  assert.match(
    (await postern('alias add alice@example.org bob@example.org')).err,
    /^postern: aliases\[\d\]\.address: bob@example\.org is taken already\n {2}`postern account list --search bob@example\.org` shows/,
  )
  await done('alias add alice@example.org @example.org')
  const caught = await postern('alias add bob@example.org @example.org')
  const shows = 'get Domain example.org --fields catchAllAddress'
  assert.match(caught.err, new RegExp(`\\n {2}\`postern ${shows}\` shows whose it is\\n$`))
  assert.match(await done(shows), /^catchAllAddress: +alice@example\.org\n$/)
  await done('alias remove alice@example.org @example.org')
  await done('group remove-member sales@example.org bob@example.org')
  assert.deepEqual((await json<{ members: unknown }>('group show sales@example.org')).members, [
    'alice@example.org',
  ])
  assert.match(
    await done('group list'),
    /^NAME +USED +MEMBERS +ALIASES +DESCRIPTION\nsales@example\.org +0 +alice@example\.org\n$/,
  )
  assert.match(await done('group list --fields name'), /^NAME\nsales@example\.org\n$/)
  assert.match(await done('account list --fields name'), /^NAME\nalice@example\.org\nbob@example\.org\n$/)
  const wrong = await postern('account delete sales@example.org --yes')
  assert.equal(wrong.code, 1)
  assert.match(wrong.err, /sales@example\.org is a group, no account/)
  await done('list create news@example.org posting=local')
  await done('list add news@example.org alice@example.org bob@example.org')
  assert.match(await done('list remove news@example.org bob@example.org'), /recipients: -bob@example\.org\n/)
  assert.match(await done('list list'), /news@example\.org +true +local +alice@example\.org\n/)
  assert.match(await done('list delete news@example.org --yes'), /The list news@example\.org was deleted/)
})

test('recipients beside the name of a new list: told as what they are given', async (t) => {
  const { postern, asked } = await serve(t)
  const { code, err } = await postern('list create all@example.org a@example.org b@example.org')
  assert.equal(code, 64)
  assert.match(err, /say recipients=a@example\.org,b@example\.org, or .*`postern list add` later/)
  assert.deepEqual(asked, [])
  // Anything else may be a secret.
  const other = await postern('list create all@example.org swordfish')
  assert.equal(other.code, 64)
  assert.match(other.err, /field=value/)
  assert.doesNotMatch(other.err, /swordfish/)
})

test('aliases of accounts and lists are added, switched and removed', async (t) => {
  const { done, accounts, postern } = await withOrganisation(t)
  await done('list create news@example.org')
  await done('alias add alice@example.org al@example.org sales-*@example.org')
  await done('alias add news@example.org announce@example.org --description "old name"')
  const who = async (address: string): Promise<string> => (await accounts.resolve(address)).kind
  assert.deepEqual([await who('sales-eu@example.org'), await who('announce@example.org')], ['local', 'list'])
  await done('alias disable alice@example.org al@example.org')
  assert.deepEqual([await who('al@example.org'), await who('sales-eu@example.org')], ['unknownUser', 'local'])
  await done('alias disable alice@example.org')
  assert.equal(await who('sales-eu@example.org'), 'unknownUser')
  await done('alias enable alice@example.org')
  await done('alias enable alice@example.org al@example.org')
  assert.equal(await who('al@example.org'), 'local')
  await done('alias remove alice@example.org al@example.org')
  assert.match(
    await done('alias list alice@example.org'),
    /^ALIAS +ENABLED +DESCRIPTION\nsales-\*@example\.org +true\n$/,
  )
  assert.match((await postern('alias remove alice@example.org x@example.org')).err, /is no alias of alice/)
  assert.match((await postern('alias list carol@example.org')).err, /no account, group or list carol/)
})

test('the records of a domain that is not there', async (t) => {
  const { postern } = await withOrganisation(t)
  assert.match(
    (await postern('domain dns example.net')).err,
    /^postern: there is no domain example\.net\n {2}`postern domain list` lists/,
  )
})

test('what everybody has of their own is asked for with a name, where one has none oneself', async (t) => {
  const { done } = await withOrganisation(t)
  await done('create AppPassword description=phone --account alice@example.org')
  assert.match(await done('query AppPassword'), /^You have none yourself\. .*--account NAME\n$/)
  assert.match(await done('query AppPassword --account alice@example.org'), /phone/)
  assert.equal(await done('query AppPassword --account bob@example.org'), 'There are none.\n')
})

test('roles are given and taken, and what an account may do is explained', async (t) => {
  const { done, json, postern } = await withOrganisation(t)
  await done(
    'role create helpdesk enabledPermissions=sysAccountGet,sysAccountQuery disabledPermissions=emailSend',
  )
  assert.match(await done('role grant helpdesk alice@example.org'), /roles: \+user \+helpdesk\n/)
  const text = await done('account explain alice@example.org')
  assert.match(text, /^alice@example\.org may do \d+ of \d+ things, by 2 roles: user, helpdesk\n\n/)
  assert.match(text, /\nmay +sysAccountGet +role helpdesk\n/)
  assert.match(text, /\nmay not +emailSend +taken by role helpdesk, though given by role user\n/)
  assert.ok(!text.includes('sysDomainDestroy'))
  assert.match(
    await done('account explain alice@example.org sysDomainDestroy'),
    /may not +sysDomainDestroy +nothing gives it\n/,
  )
  const { permissions } = await json<{ permissions: { permission: string; granted: boolean }[] }>(
    'account explain alice@example.org emailSend',
  )
  assert.deepEqual(
    permissions.map(({ permission, granted }) => [permission, granted]),
    [['emailSend', false]],
  )
  await done('role revoke helpdesk alice@example.org')
  assert.deepEqual((await json<{ roles: unknown }>('account show alice@example.org')).roles, ['user'])
  assert.match((await postern('account explain alice@example.org emailsend')).err, /did you mean emailSend\?/)
  assert.match((await postern('account explain carol@example.org')).err, /no such account/)
})

test('accounts are disabled and enabled; the audit log says by whom', async (t) => {
  const { done, json, postern } = await withOrganisation(t)
  assert.match(await done('account disable bob@example.org'), /enabled: true -> false\n/)
  assert.match(await done('account enable bob@example.org'), /enabled: false -> true\n/)
  await done('account password bob@example.org --generate')
  const lines = (await done('audit --object account --name bob@example.org')).split('\n')
  assert.match(lines[0]!, /^AT +WHO +DID +OBJECT +NAME +FROM$/)
  assert.match(lines[1]!, /admin +update +Account +bob@example\.org +127\.0\.0\.1$/)
  assert.match(await done('audit --changes --limit 1'), /\n {2}secret: +.*\(changed\)/)
  assert.equal((await json<unknown[]>('audit --limit 2')).length, 2)
  // Fault: entries that do not say whose. An administrator's app password for bob would look like their own.
  const { id } = await json<{ id: string }>('create AppPassword description=phone --account bob@example.org')
  const { id: bob } = await json<{ id: string }>('account show bob@example.org')
  const made = await done('audit --object AppPassword')
  assert.match(made, new RegExp(` admin +create +AppPassword +${id} of account ${bob} +`))
  assert.equal(await done('audit --since 2h'), 'Nothing was changed.\n')
  assert.match((await postern('audit --since soon')).err, /"soon" is no time/)
})

test('reloading says what changed, and what waits for a start', async (t) => {
  const { done, state, postern } = await withOrganisation(t)
  assert.equal(await done('reload'), 'The configuration was read again: nothing had changed.\n')
  state.reload = { errors: [], changed: ['Imap'], warnings: ['x is not known'], restart: ['Imap.a'] }
  const { out, err } = await postern('reload')
  assert.equal(
    out,
    'The configuration was read again: Imap changed.\nImap.a takes effect at the next start.\n',
  )
  assert.equal(err, 'warning: x is not known\n')
  state.reload = { ...state.reload, errors: ['line 1: no'] }
  assert.match((await postern('reload')).err, /^postern: Nothing was changed: line 1: no\n$/)
})
