import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test, type TestContext } from 'node:test'
import { createSelfSigned } from '#cert/self-signed.ts'
import { serve } from './fixture.test.ts'

async function withAlice(t: TestContext) {
  const server = await serve(t)
  const { postern } = server
  const done = async (line: string, given = {}) => {
    const result = await postern(line, given)
    assert.equal(result.code, 0, `${line}: ${result.err}`)
    return result.out
  }
  await done('create Domain name=example.org')
  await done('create Account name=alice@example.org')
  return { ...server, done }
}

test('objects are described, with their fields, in lines that fit', async (t) => {
  const { postern, done, json } = await withAlice(t)
  assert.match(
    await done('describe'),
    /^Account +Users and groups with their addresses, rights and limits\.\n[^]*\nImap +Limits /,
  )
  const overview = await postern('describe', { columns: 60 })
  assert.ok(overview.out.split('\n').every((line) => line.length <= 60))
  assert.match(overview.out, /\nAppPassword +Passwords that the server makes up,\n {23}one for each/)
  const narrow = await postern('describe account', { columns: 60 })
  assert.ok(
    narrow.out.split('\n').every((line) => line.length <= 60),
    narrow.out,
  )
  assert.match(
    narrow.out,
    /\nname +text, required\n {4}What its owner signs in with; unique\. Must be an e-mail\n/,
  )
  assert.match(narrow.out, /\nquotas +record\n[^]*\n {4}maxDiskQuota +size\n/)
  const object = await json<{ fields: Record<string, { kind: string }> }>('describe Account')
  assert.equal(object.fields['secret']?.kind, 'secret')
  const wrong = await postern('describe Acount')
  assert.equal(wrong.code, 64)
  assert.match(wrong.err, /there is no object Acount\n {2}did you mean Account\?/)
})

test('fields are set, added to, taken from, and put back', async (t) => {
  const { done, json, postern } = await withAlice(t)
  const alice = (): Promise<Record<string, unknown>> => json('get Account alice@example.org')
  const out = await done(
    'update Account alice@example.org description="Alice Smith" quotas.maxDiskQuota=10GB aliases+=al@example.org,a@example.org',
  )
  assert.equal(
    out,
    'The account alice@example.org was changed.\n' +
      '  aliases: +al@example.org +a@example.org\n' +
      '  description: "" -> "Alice Smith"\n' +
      '  quotas.maxDiskQuota: 0 -> "10 GiB"\n',
  )
  await done('update Account alice@example.org quotas.maxEmails=5 aliases-=A@example.org')
  await done('update Account alice@example.org aliases[al@example.org].enabled=false')
  const shown = await alice()
  assert.deepEqual(shown['aliases'], [{ address: 'al@example.org', enabled: false, description: '' }])
  const { maxDiskQuota, maxEmails } = shown['quotas'] as Record<string, number>
  assert.deepEqual([maxDiskQuota, maxEmails], [10 * 2 ** 30, 5])
  await done('update Account alice@example.org description= aliases=[] aliasesEnabled=false')
  const back = await alice()
  assert.deepEqual([back['description'], back['aliases'], back['aliasesEnabled']], ['', [], false])
  assert.match(await done('update Account alice@example.org description='), /is like that already/)
  for (const [line, text] of [
    ['colour=red', /there is no field colour/],
    ['desciption=x', /did you mean description\?/],
    ['name+=x', /name is no list/],
    ['quotas={', /is no JSON/],
    ['aliases[b@example.org].enabled=true', /no element "b@example.org"/],
  ] as const) {
    const { code, err } = await postern(`update Account alice@example.org ${line}`)
    assert.equal(code, 64, line)
    assert.match(err, text)
  }
})

test('what the server refuses is told field by field', async (t) => {
  const { postern } = await withAlice(t)
  const line = 'create Account name=nobody enabled=perhaps quotas.maxEmails=-1'
  const { code, err, out } = await postern(line)
  assert.deepEqual([code, out], [1, ''])
  assert.match(
    err,
    /^postern: 3 values are not right\n {2}name: must be .*\n {2}enabled: must be true or false\n/,
  )
  assert.match(err, / {2}quotas\.maxEmails: must be a whole number/)
  const { error } = JSON.parse((await postern(`--json ${line}`)).err) as {
    error: { fields: { field: string }[] }
  }
  assert.deepEqual(error.fields.map(({ field }) => field).sort(), ['enabled', 'name', 'quotas.maxEmails'])
})

test('dry runs and old revisions change nothing', async (t) => {
  const { done, postern, json } = await withAlice(t)
  assert.match(
    await done('create Account name=bob@example.org --dry-run'),
    /bob@example\.org would be created/,
  )
  assert.equal((await postern('get Account bob@example.org')).code, 1)
  assert.match(await done('update Account alice@example.org enabled=false --dry-run'), /would be changed/)
  assert.match(await done('delete Account alice@example.org --dry-run'), /would be deleted/)
  const { revision } = await json<{ revision: string }>(
    'get Account alice@example.org --fields enabled,revision',
  )
  await done(`update Account alice@example.org description=1 --if-revision ${revision}`)
  const late = await postern(`update Account alice@example.org description=2 --if-revision ${revision}`)
  assert.equal(late.code, 1)
  assert.match(late.err, /changed by somebody else/)
})

test('what is deleted was confirmed', async (t) => {
  const { postern, done } = await withAlice(t)
  const nobody = await postern('delete Account alice@example.org')
  assert.equal(nobody.code, 64)
  assert.match(nobody.err, /add --yes/)
  const no = await postern('account delete alice@example.org', { typed: ['n'] })
  assert.deepEqual(no.asked, [
    'Delete the account alice@example.org? All its mail is deleted with it, for ever. [y/N] ',
  ])
  assert.equal(no.code, 1)
  assert.equal(
    await done('account delete alice@example.org --dry-run'),
    'The account alice@example.org would be deleted. All its mail is deleted with it, for ever.\n',
  )
  assert.match((await postern('delete Account alice@example.org', { typed: ['y'] })).out, /was deleted/)
  assert.match(await done('delete Domain example.org --yes'), /The domain example\.org was deleted\./)
})

test('lists have columns that fit, pages, filters and fields', async (t) => {
  const { done, json, postern } = await withAlice(t)
  for (const name of ['b', 'c', 'd'])
    await done(`create Account name=${name}@example.org description="${'long '.repeat(30)}"`)
  const { out, err } = await postern('query Account --limit 3', { columns: 80 })
  assert.ok(out.split('\n').every((line) => line.length <= 80))
  assert.match(out, /long…\n/)
  assert.equal(err, '3 lines of 4; --all shows all, --page 2 the next\n')
  assert.match(await done('query Account --filter text=d@ --fields name'), /^NAME\nd@example\.org\n$/)
  assert.equal((await json<unknown[]>('query Account --all')).length, 4)
  assert.equal((await json<{ total: number }>('query Account --limit 1')).total, 4)
  assert.match(
    (await postern('query Account --filter kind=user')).err,
    /no filter kind\n {2}it has text, type/,
  )
  assert.match((await postern('query Account --fields nmae')).err, /did you mean name\?/)
})

test('values come from files, and secrets from the environment, files and questions', async (t) => {
  const { done, postern, signIn, data } = await withAlice(t)
  const file = path.join(data, 'bob.toml')
  await writeFile(file, 'name = "bob@example.org"\n[secret]\nfromEnv = "BOB"\n')
  await done(`create Account --file ${file}`, { env: { BOB: 'correct horse battery' } })
  const from = { ip: '192.0.2.1', protocol: 'imap' }
  assert.notEqual(await signIn.password('bob@example.org', 'correct horse battery', from), 'wrong')
  assert.match((await postern(`create Account --file ${file}`)).err, /the environment has no BOB/)
  const inClear = '{"secret":"another horse battery"}'
  const warned = await postern('update Account bob@example.org --file -', { input: inClear })
  assert.equal(warned.code, 0, warned.err)
  assert.match(warned.err, /^warning: Account\.secret stands in clear/)
  assert.match(warned.out, /secret: is set\n/)
  assert.notEqual(await signIn.password('bob@example.org', 'another horse battery', from), 'wrong')
  const typed = ['third horse battery', 'third horse battery']
  const asked = await postern('update Account bob@example.org secret=-', { typed })
  assert.deepEqual(asked.asked, ['New secret of bob@example.org: ', 'The same again: '])
  assert.notEqual(await signIn.password('bob@example.org', 'third horse battery', from), 'wrong')
  await done('update Account bob@example.org secret=-', { input: 'fourth horse battery\n' })
  assert.notEqual(await signIn.password('bob@example.org', 'fourth horse battery', from), 'wrong')
})

test('a secret on the command line is refused and not repeated, wherever it stands', async (t) => {
  const { postern } = await withAlice(t)
  for (const line of [
    'update Account alice@example.org secret=hunter2hunter2',
    'create Account name=b@example.org secret=hunter2hunter2',
    'account create b@example.org secret=hunter2hunter2',
    'account create b@example.org hunter2hunter2',
    'account password alice@example.org hunter2hunter2',
    'account password alice@example.org --password=hunter2hunter2',
    'update Account alice@example.org hunter2hunter2',
    '--url http://admin:hunter2hunter2@127.0.0.1:1 status',
  ]) {
    const { code, out, err } = await postern(line)
    assert.equal(code, 64, `${line}: ${err}`)
    assert.ok(!`${out}${err}`.includes('hunter2'), `${line}: ${err}`)
  }
})

test('a text of several lines, such as a certificate, is shown in lines; a list shows what tells them apart', async (t) => {
  const { postern, done, data } = await withAlice(t)
  const { certificate, key } = createSelfSigned(['mail.example.org'], Date.now())
  const file = path.join(data, 'certificate.json')
  await writeFile(file, JSON.stringify({ name: 'one', certificate, privateKey: key }))
  assert.equal((await postern(['create', 'Certificate', '--file', file])).code, 0)
  const shown = await done('get Certificate one --fields certificate')
  const lines = certificate.trimEnd().split('\n')
  const shownLines = ['certificate:  (from store)', ...lines.map((line) => `${' '.repeat(14)}${line}`)]
  assert.equal(shown, `${shownLines.join('\n')}\n`)
  assert.match(
    await done('query Certificate'),
    /^NAME +DEFAULT +SUBJECT ALTERNATIVE NAMES +ISSUER +NOT VALID AFTER\none +false +mail\.example\.org +/,
  )
})

test('what can only be read is said to be so; of what there is one, no id is shown', async (t) => {
  const { postern, done } = await withAlice(t)
  const change = await postern('update DataStore reserve=1MB')
  assert.equal(change.code, 1)
  assert.match(
    change.err,
    /^postern: DataStore cannot be changed\n {2}`postern describe DataStore` says what can/,
  )
  const made = await postern('create AuditEntry')
  assert.match(made.err, /^postern: no AuditEntry can be created\n/)
  assert.match(await done('get Imap'), /^allowCompression: /)
  assert.match(await done('get Imap --fields id'), /^id: +singleton\n/)
})
