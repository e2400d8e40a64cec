import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { type Given, serve } from '../fixture.test.ts'
import { organisation } from './organisation.test.ts'

const from = { ip: '192.0.2.1', protocol: 'imap' }

type Server = Awaited<ReturnType<typeof serve>>

async function plan(server: Server, document: unknown, name = 'plan.json'): Promise<string> {
  const file = path.join(server.data, name)
  await writeFile(file, typeof document === 'string' ? document : JSON.stringify(document))
  return file
}

async function apply(server: Server, document: unknown, flags = '--yes', given: Given = {}) {
  const before = server.asked.length
  const result = await server.postern(`apply ${await plan(server, document)} ${flags}`, given)
  const writes = server.asked
    .slice(before)
    .filter((one) => !one.startsWith('GET') && !one.endsWith('dryRun=true'))
  return { ...result, writes }
}

test('an organisation: applied twice, taken down, put up elsewhere, the same bytes', async (t) => {
  const one = await serve(t)
  const other = await serve(t)
  const wanted = organisation(100)
  const first = await apply(one, wanted)
  assert.equal(first.code, 0, first.err.slice(0, 2000))
  assert.match(
    first.out.slice(-200),
    /165 to create, 0 to change, 0 to delete, 0 as the plan says\.\nDone: 165 of 165 things\.\n$/,
  )
  const again = await apply(one, wanted)
  assert.equal(again.out, 'Nothing to do: 165 objects are as the plan says.\n')
  assert.deepEqual([again.code, again.writes], [0, []])

  const file = path.join(one.data, 'snapshot.json')
  assert.equal((await one.postern(`snapshot ${file}`)).out, `165 objects in ${file}\n`)
  const snapshot = await readFile(file, 'utf8')
  const elsewhere = await apply(other, snapshot)
  assert.equal(elsewhere.code, 0, elsewhere.err.slice(0, 2000))
  assert.equal((await other.postern('snapshot')).out, snapshot)
  for (const server of [one, other]) {
    const last = await apply(server, snapshot, '--prune --yes')
    assert.equal(last.out, 'Nothing to do: 165 objects are as the plan says.\n')
    assert.deepEqual([last.code, last.writes], [0, []])
  }
  assert.ok(!snapshot.includes('quick:'))
})

test('a plan is shown before it is carried out; a dry run ends with 2 where something is to do', async (t) => {
  const server = await serve(t)
  const document = {
    Domain: [{ name: 'example.org' }],
    Account: [{ name: 'alice@example.org', quotas: { maxEmails: 5 } }],
  }
  const dry = await apply(server, document, '--dry-run')
  assert.deepEqual([dry.code, dry.writes, dry.err], [2, [], ''])
  assert.equal(
    dry.out,
    '+ domain example.org\n+ account alice@example.org\n    quotas: maxEmails=5\n\n' +
      '2 to create, 0 to change, 0 to delete, 0 as the plan says.\n',
  )
  const nobody = await apply(server, document, '')
  assert.deepEqual([nobody.code, nobody.writes], [64, []])
  const no = await apply(server, document, '', { typed: ['no'] })
  assert.deepEqual([no.code, no.asked, no.writes], [1, ['Do 2 things? [y/N] '], []])
  assert.equal((await apply(server, document, '', { typed: ['y'] })).code, 0)
  const change = { Account: { 'alice@example.org': { description: 'Alice', quotas: { maxEmails: '5' } } } }
  const text = await apply(server, change, '--dry-run')
  assert.equal(
    text.out,
    '~ account alice@example.org\n    description: "" -> Alice\n\n0 to create, 1 to change, 0 to delete, 0 as the plan says.\n',
  )
  assert.deepEqual(
    [(await apply(server, change)).code, (await apply(server, change, '--dry-run')).code],
    [0, 0],
  )
  const { steps } = JSON.parse(
    (await apply(server, { Domain: { 'example.org': { enabled: false } } }, '--dry-run --json')).out,
  ) as {
    steps: unknown[]
  }
  assert.deepEqual(steps, [
    {
      does: 'change',
      object: 'Domain',
      name: 'example.org',
      differences: [{ field: 'enabled', before: true, after: false }],
    },
  ])
})

test('lines of JSON, TOML, absence, completeness and pruning', async (t) => {
  const server = await serve(t)
  const lines = [
    { object: 'Account', name: 'alice@example.org', values: { description: 'Alice', locale: 'de' } },
    { object: 'Account', name: 'bob@example.org' },
    { object: 'Domain', name: 'example.org' },
    { object: 'MailingList', name: 'old@example.org', state: 'absent' },
  ]
  assert.equal((await apply(server, lines.map((one) => JSON.stringify(one)).join('\n'))).code, 0)
  const toml =
    '[Account."alice@example.org"]\ncomplete = true\ndescription = "Alice"\n[[Account."bob@example.org".aliases]]\naddress = "b@example.org"\n'
  const changed = await apply(server, toml)
  assert.equal(changed.code, 0, changed.err)
  assert.match(changed.out, /locale: de -> ""\n/)
  const gone = await apply(server, [{ object: 'Account', name: 'bob@example.org', state: 'absent' }])
  assert.match(gone.out, /^- account bob@example\.org\n/)
  assert.equal(
    (await apply(server, { Account: [{ name: 'alice@example.org' }], Domain: [] }, '--prune --yes')).writes
      .length,
    0,
  )
  await apply(server, { Account: [{ name: 'carol@example.org' }] })
  const pruned = await apply(server, { Account: [{ name: 'alice@example.org' }] }, '--prune --yes')
  assert.match(pruned.writes.join(), /^DELETE \/api\/object\/Account\/\d+$/)
})

test('what is wrong is all told, and nothing is changed', async (t) => {
  const server = await serve(t)
  const form = await apply(server, {
    Acount: [],
    AuditEntry: [],
    AppPassword: [],
    Account: [
      { name: 'a@example.org', colour: 1, createdAt: 'now' },
      { description: 'x' },
      5,
      { name: 'A@example.org' },
    ],
    Domain: { 'example.org': { state: 'gone' } },
  })
  assert.deepEqual([form.code, form.writes], [1, []])
  for (const text of [
    'Acount: there is no object Acount; did you mean Account?',
    'AuditEntry: AuditEntry is written by the server',
    'Account a@example.org.colour: is not known',
    'Account a@example.org.createdAt: is set by the server',
    'Account[1]: has no name',
    'Account[2]: must be an object',
    'Account A@example.org: is there twice',
    'Domain example.org.state: must be "present" or "absent"',
  ])
    assert.ok(form.err.includes(`  ${text}\n`), `${text}\n${form.err}`)
  const values = await apply(server, {
    Domain: [{ name: 'example.org' }],
    Account: [
      { name: 'a@example.org', enabled: 'perhaps' },
      { name: 'b@elsewhere.example' },
      { name: 'c@example.org', memberOf: ['nobody@example.org'] },
    ],
  })
  assert.deepEqual([values.code, values.writes], [1, []])
  assert.match(values.err, /2 objects are not right in the plan; nothing was changed\n/)
  assert.match(values.err, / {2}Account a@example\.org\.enabled: must be true or false\n/)
  assert.match(
    values.err,
    / {2}Account b@elsewhere\.example\.name: the domain elsewhere\.example does not exist/,
  )
  for (const [text, why] of [
    ['{"Account": [', /is no JSON/],
    ['', /is empty/],
    ['"text"', /./],
    ['[Account\n', /./],
    ['{"object":"Domain","name":"a.example"}\n{"object"\n', /:2: this line is no JSON/],
    ['[1]', /entry 1: says no object/],
  ] as const) {
    const { code, err } = await apply(server, text)
    assert.equal(code, 1, text)
    assert.match(err, why)
  }
})

test('partial failure: the rest is done, what failed is told with its reason, and can be applied again', async (t) => {
  const server = await serve(t)
  const document = {
    Domain: [{ name: 'example.org', maxAccounts: 2 }],
    Account: ['a', 'b', 'c', 'd'].map((name) => ({ name: `${name}@example.org` })),
    Role: [{ name: 'viewer' }],
  }
  const { code, out, err } = await apply(server, document, '--yes --jobs 1')
  assert.equal(code, 1)
  assert.match(out, /Done: 4 of 6 things\.\n$/)
  assert.match(
    err,
    /^postern: 2 things could not be done\n {2}Account c@example\.org: .*\n {2}Account d@example\.org: /,
  )
  await server.postern('domain update example.org maxAccounts=0')
  const stopped = await apply(
    server,
    { Account: [...document.Account, { name: 'e@example.org' }] },
    '--yes --stop',
  )
  assert.equal(stopped.code, 0, stopped.err)
  assert.equal((await server.accounts.names()).length, 5)
})

test('an address moves from one account to another, whatever the order', async (t) => {
  const server = await serve(t)
  const account = (name: string, ...aliases: string[]) => ({
    name,
    aliases: aliases.map((address) => ({ address })),
  })
  const a = 'a@example.org'
  const b = 'b@example.org'
  await apply(server, {
    Domain: [{ name: 'example.org' }],
    Account: [account(a), account(b, 'x@example.org')],
  })
  const moved = { Account: [account(a, 'x@example.org'), account(b)] }
  const { code, err } = await apply(server, moved, '--yes --jobs 1')
  assert.equal(code, 0, err)
  assert.equal((await apply(server, moved)).writes.length, 0)
})

test('passwords: written at creation, later only when asked to; never shown', async (t) => {
  const server = await serve(t)
  const secretFile = path.join(server.data, 'secret')
  await writeFile(secretFile, 'file horse battery\n')
  const document = {
    Domain: [{ name: 'example.org' }],
    Account: [
      { name: 'a@example.org', secret: { fromEnv: 'A' } },
      { name: 'b@example.org', secret: { fromFile: secretFile } },
      { name: 'c@example.org', secret: 'clear horse battery' },
    ],
  }
  const env = { A: 'env horse battery' }
  const missing = await apply(server, document)
  assert.deepEqual([missing.code, missing.writes], [1, []])
  assert.match(missing.err, /Account a@example\.org\.secret is secret: the environment has no A/)
  const said: string[] = []
  const first = await apply(server, document, '--yes', { env })
  assert.match(first.err, /^warning: Account c@example\.org\.secret in clear/)
  said.push(first.out, first.err)
  const works = async (name: string, password: string) =>
    assert.notEqual(await server.signIn.password(name, password, from), 'wrong', name)
  await works('a@example.org', 'env horse battery')
  await works('b@example.org', 'file horse battery')
  await works('c@example.org', 'clear horse battery')
  const again = await apply(server, document, '--yes', { env: { A: 'new horse battery' } })
  assert.deepEqual(again.writes, [])
  await works('a@example.org', 'env horse battery')
  const written = await apply(server, document, '--yes --secrets --json', { env: { A: 'new horse battery' } })
  assert.equal(written.writes.length, 3)
  await works('a@example.org', 'new horse battery')
  said.push(
    written.out,
    written.err,
    (await server.postern('snapshot')).out,
    (await server.postern('audit --changes')).out,
  )
  assert.ok(!said.join('').includes('horse'), said.join(''))
})

test('settings of the store are in a snapshot, and are put back by it', async (t) => {
  const one = await serve(t)
  const other = await serve(t)
  for (const line of [
    'update Imap timeoutIdle=20m',
    'create NetworkListener name=extra protocol=imap bind=127.0.0.1:0',
  ])
    assert.equal((await one.postern(line)).code, 0, line)
  const snapshot = (await one.postern('snapshot')).out
  const { Imap, NetworkListener } = JSON.parse(snapshot) as Record<string, unknown>
  assert.deepEqual(Imap, { timeoutIdle: 1_200_000 })
  assert.deepEqual(NetworkListener, [{ name: 'extra', protocol: 'imap', bind: ['127.0.0.1:0'] }])
  assert.equal((await other.postern('update Imap maxAuthFailures=7')).code, 0)
  const applied = await apply(other, snapshot)
  assert.equal(applied.code, 0, applied.err)
  assert.match(applied.out, /~ Imap\n {4}maxAuthFailures: 7 -> 3\n {4}timeoutIdle: .* -> 20m\n/)
  assert.equal((await other.postern('snapshot')).out, snapshot)
  assert.deepEqual((await apply(one, snapshot)).writes, [])
})
