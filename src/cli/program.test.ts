import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { version } from '#server/version.ts'
import { type Given, runLine, serve } from './fixture.test.ts'

const from = { ip: '192.0.2.1', protocol: 'imap' }

test('on the same machine: a domain, an account, and nobody is asked who they are', async (t) => {
  const { postern, signIn } = await serve(t)
  const domain = await postern('domain create example.org')
  assert.deepEqual([domain.code, domain.err, domain.asked], [0, '', []])
  assert.match(
    domain.out,
    /^The domain example\.org was created\.\nNext: postern domain dns example\.org\n {6}postern account create you@example\.org --alias postmaster@example\.org\n$/,
  )
  const typed = ['correct horse', 'correct horse']
  const account = await postern('account create alice@example.org --alias al@example.org --quota 5GB', {
    typed,
  })
  assert.equal(account.code, 0, account.err)
  assert.deepEqual(account.asked, ['New password for alice@example.org: ', 'The same again: '])
  assert.match(account.out, /^The account alice@example\.org was created\.\n$/)
  assert.notEqual(await signIn.password('al@example.org', 'correct horse', from), 'wrong')
  assert.match(
    (await postern('domain list')).out,
    /^NAME +ENABLED +ALIASES +DESCRIPTION\nexample\.org +true\n$/,
  )
  assert.match(
    (await postern('account list')).out,
    /^NAME +ENABLED +USED +QUOTA .*\nalice@example\.org +true +0 +5 GiB +al@example\.org\n$/,
  )
  const shown = await postern('account show alice@example.org')
  assert.match(
    shown.out,
    /^id: +\d+\ntype: +user\nname: +alice@example\.org\n[^]*aliases: +al@example\.org\n[^]*maxDiskQuota: 5 GiB\n/,
  )
  const status = await postern('status')
  assert.match(status.out, /^Postern 0\.1\.0 on mail\.example\.org, running for /)
  assert.match(status.out, /1 domain, 1 account, 0 messages in the queue\n/)
  assert.match(status.out, /imap +0\.0\.0\.0:993 +tls\n/)
})

test('the version of the program, whether a server runs or not', async () => {
  assert.deepEqual(await runLine('--version'), { code: 0, out: `${version}\n`, err: '', asked: [] })
})

test('of settings that hold from the next start on, it is said', async (t) => {
  const { postern } = await serve(t)
  const later = 'threadPoolSize: takes effect when the server is started the next time\n'
  const changed = await postern('update SystemSettings threadPoolSize=2')
  assert.match(changed.out, /^SystemSettings was changed\.\n {2}threadPoolSize: 1 -> 2\n$/)
  assert.equal(changed.err, later)
  assert.equal((await postern('update SystemSettings threadPoolSize=3 --dry-run')).err, '')
  assert.equal((await postern('update Imap timeoutIdle=20m')).err, '')
})

test('a generated password is shown once and works', async (t) => {
  const { postern, signIn } = await serve(t)
  await postern('domain create example.org')
  const made = JSON.parse((await postern('--json account create alice@example.org --generate')).out) as {
    id: string
    password: string
  }
  assert.equal(made.id, '1')
  assert.notEqual(await signIn.password('alice@example.org', made.password, from), 'wrong')
  const again = await postern('account password alice@example.org --generate')
  const password = /^The password of alice@example\.org was set\.\npassword: (\S+)\n$/.exec(again.out)![1]!
  assert.notEqual(await signIn.password('alice@example.org', password, from), 'wrong')
  assert.equal(await signIn.password('alice@example.org', made.password, from), 'wrong')
  assert.ok(!(await postern('account show alice@example.org --json')).out.includes('password'))
})

test('a password comes from standard input, also that of the administrator', async (t) => {
  const { postern, signIn, password } = await serve(t)
  await postern('domain create example.org')
  const created = await postern('account create alice@example.org --password-stdin', {
    input: 'correct horse\r\n',
  })
  assert.equal(created.code, 0, created.err)
  assert.notEqual(await signIn.password('alice@example.org', 'correct horse', from), 'wrong')
  assert.equal((await postern('account password admin --password-stdin', { input: 'another one\n' })).code, 0)
  assert.equal(await signIn.administrator('admin', password, from), 'wrong')
  assert.notEqual(await signIn.administrator('admin', 'another one', from), 'wrong')
})

test('without the token: the environment, standard input or a question', async (t) => {
  const { withoutData, password } = await serve(t)
  assert.equal((await withoutData('status', { env: { POSTERN_PASSWORD: password } })).code, 0)
  assert.equal((await withoutData('--admin-password-stdin status', { input: `${password}\n` })).code, 0)
  const asked = await withoutData('status', { typed: [password] })
  assert.equal(asked.code, 0)
  assert.match(asked.asked[0]!, /^Password of admin at 127\.0\.0\.1:\d+: $/)
  const nobody = await withoutData('status')
  assert.equal(nobody.code, 1)
  assert.match(nobody.err, /^postern: the password of admin is needed\n {2}.*--data.*POSTERN_PASSWORD/)
  const wrong = await withoutData('status', { env: { POSTERN_PASSWORD: 'wrong' } })
  assert.equal(wrong.code, 1)
  assert.match(wrong.err, /does not accept the password\n {2}the password came from POSTERN_PASSWORD/)
})

test('the token of another server: the password is asked for, or the file is named', async (t) => {
  const { postern, password } = await serve(t, { token: 'of yesterday' })
  assert.equal((await postern('status', { typed: [password] })).code, 0)
  const nobody = await postern('status')
  assert.equal(nobody.code, 1)
  assert.match(nobody.err, /admin-token is not that of the server at 127\.0\.0\.1/)
})

test('what the server refuses is told in its words, with exit code 1', async (t) => {
  const { postern } = await serve(t)
  const early = await postern('account create alice@example.org --generate')
  assert.deepEqual([early.code, early.out], [1, ''])
  assert.match(early.err, /the domain example\.org does not exist here; create it first/)
  await postern('domain create example.org')
  assert.match((await postern('domain create example.org')).err, /exists already/)
  const short = await postern('account create alice@example.org --password-stdin', { input: 'short' })
  assert.match(short.err, /at least 8 characters/)
  const missing = await postern('account show nobody@example.org --json')
  assert.equal(missing.code, 1)
  assert.deepEqual(JSON.parse(missing.err), {
    error: {
      message: 'there is no account nobody@example.org',
      hint: '`postern account list` lists those that there are',
    },
  })
  assert.match((await postern('account show example.org')).err, /no account example\.org/)
  assert.match(
    (await postern('get AppPassword x1 --account nobody@example.org')).err,
    /no account nobody@example\.org\n {2}`postern account list`/,
  )
  assert.equal((await postern('account show ../status')).code, 1)
})

const wrongLines: readonly [string, RegExp, Given?][] = [
  ['', /Usage: postern/],
  ['acount', /^postern: unknown command 'acount'\n {2}did you mean account\? postern --help shows/],
  ['start', /^postern: unknown command 'start'\n {2}`npm start` starts the server/],
  ['account start', /^postern: unknown command 'start'\n {2}postern account --help/],
  ['domain create example.org --password-stdin', /unknown option '--password-stdin'/],
  ['help acount', /^postern: there is no command acount\n {2}did you mean account\?\n$/],
  ['help account creat', /^postern: there is no command account creat\n {2}did you mean create\?\n$/],
  ['domain', /Usage: postern domain/],
  ['domain create', /missing required argument 'name'/],
  ['domain create a.example b.example', /field=value/],
  ['status again', /too many arguments/],
  ['status --verbose', /unknown option/],
  ['account create a@b.example --quota many', /"many" is no size/],
  ['account create a@b.example', /needs a password\n.*--generate/],
  ['account create a@b.example --generate --password-stdin', /do not go together/],
  ['account password a@b.example --password-stdin', /no password on standard input/],
  ['--admin-password-stdin account create a@b.example --password-stdin', /cannot hold two passwords/],
  ['--url ftp://a.example status', /is no URL of a server/],
  ['--url nonsense status', /is no URL of a server/],
]
test('a wrong command line ends with 64 and says how it is right', async () => {
  for (const [line, text, given] of wrongLines) {
    const { code, out, err } = await runLine(line, given)
    assert.equal(code, 64, line)
    assert.equal(out, '', line)
    assert.match(err, text, line)
  }
})

test('a wrong command line is told as JSON where that is asked for', async () => {
  const { code, err } = await runLine('--json domain create')
  assert.equal(code, 64)
  assert.deepEqual(JSON.parse(err), {
    error: {
      message: "missing required argument 'name'",
      hint: 'postern domain create --help shows how it is used',
    },
  })
})

test('no password is asked for where there can be no account', async (t) => {
  const { postern } = await serve(t)
  const typed = ['correct horse', 'correct horse']
  for (const [name, why] of [
    ['alice@example.org', /the domain example\.org does not exist here; create it first/],
    ['alice', /name: must be an e-mail address/],
  ] as const) {
    const { code, asked, err } = await postern(`account create ${name}`, { typed })
    assert.deepEqual([code, asked], [1, []])
    assert.match(err, why)
  }
})

test('two passwords that differ change nothing', async (t) => {
  const { postern, accounts } = await serve(t)
  await postern('domain create example.org')
  const { code, err } = await postern('account create alice@example.org', {
    typed: ['correct horse', 'correct hors'],
  })
  assert.equal(code, 1)
  assert.match(err, /differ/)
  assert.deepEqual(await accounts.names(), [])
})

test('help goes to standard output and ends with 0', async () => {
  const lines = {
    '--help': 'Usage: postern [options] [command]',
    help: 'Usage: postern [options] [command]',
    'help account': 'Usage: postern account [options] [command]',
    'help account create': 'Usage: postern account create [options] <address> [field=value...]',
    'account create --help': 'Usage: postern account create [options] <address> [field=value...]',
  }
  for (const [line, usage] of Object.entries(lines)) {
    const { code, out, err } = await runLine(line)
    assert.deepEqual([code, err, out.split('\n')[0]], [0, '', usage], line)
  }
})

test('where no server is, or another one, the hint says what to do', async () => {
  const other = createServer((_request, response) => response.setHeader('connection', 'close').end('<html>'))
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  const { port } = other.address() as AddressInfo
  const stranger = await runLine(`--url http://127.0.0.1:${port} status`, { env: { POSTERN_PASSWORD: 'x' } })
  assert.equal(stranger.code, 1)
  assert.match(stranger.err, /does not answer as a Postern server/)
  await new Promise((resolve) => other.close(resolve))
  const nobody = await runLine('status', { env: { POSTERN_URL: `http://127.0.0.1:${port}` }, typed: ['x'] })
  assert.deepEqual([nobody.code, nobody.asked], [1, []])
  const unasked = await runLine(`--url http://127.0.0.1:${port} account create a@b.example`, {
    typed: ['x', 'x'],
  })
  assert.deepEqual([unasked.code, unasked.asked], [1, []])
  assert.match(nobody.err, /no server answers at .*\n {2}start it with `npm start`/)
})

test('accounts sign in with their password or with a key; objects of others by --account', async (t) => {
  const { postern, withoutData, json } = await serve(t)
  await postern('domain create example.org')
  const input = 'correct horse battery'
  await postern('account create alice@example.org --password-stdin --admin', { input })
  await postern('account create bob@example.org --no-password')
  const asAlice = { POSTERN_USER: 'alice@example.org', POSTERN_PASSWORD: input }
  assert.equal((await withoutData('account list', { env: asAlice })).code, 0)
  assert.equal((await withoutData('--user alice@example.org status', { typed: [input] })).code, 0)
  const made = await postern('create ApiKey description=ci --account alice@example.org')
  const key = /^secret: (\S+)$/m.exec(made.out)![1]!
  assert.equal((await withoutData('status', { env: { POSTERN_API_KEY: key } })).code, 0)
  const wrong = await withoutData('status', { env: { POSTERN_API_KEY: `${key}x` } })
  assert.equal(wrong.code, 1)
  assert.match(wrong.err, /does not accept the key\n {2}the key came from POSTERN_API_KEY/)
  assert.ok(!wrong.err.includes(key))
  const app = await postern('create AppPassword description=phone --account bob@example.org')
  assert.match(app.out, /^secret: \S+$/m)
  const ofBob = await json<{ description: string }[]>('query AppPassword --all --account bob@example.org')
  assert.deepEqual(
    ofBob.map(({ description }) => description),
    ['phone'],
  )
  assert.deepEqual(await json<unknown[]>('query AppPassword --all --account alice@example.org'), [])
})

test('what is missing for TLS is said', async (t) => {
  const { url } = await serve(t)
  const { code, err } = await runLine(`--url ${url.replace('http:', 'https:')} status`, { typed: [''] })
  assert.equal(code, 1)
  assert.match(err, /does not speak TLS\n {2}is it http:\/\/ in --url or POSTERN_URL\?/)
})

test('every command teaches by two examples at least, in lines that fit', async () => {
  const namesIn = (help: string): readonly string[] => {
    const [, afterOptions = ''] = help.split(/^ {2}-h, --help .*$/m)
    const [commands] = afterOptions.split(/^(?:First steps|Examples|How fields)/m, 1) as [string]
    const names = [...commands.matchAll(/^ {2}([a-z][\w-]*)(?:\||  )/gm)].map(([, name]) => name!)
    return names.filter((name) => name !== 'help')
  }
  const visit = async (words: readonly string[]): Promise<number> => {
    const { code, out } = await runLine([...words, '--help'], { columns: 80 })
    assert.equal(code, 0, words.join(' '))
    for (const line of out.split('\n')) assert.ok(line.length <= 80, `${words.join(' ')}: ${line}`)
    const inner = namesIn(out)
    if (inner.length > 0) {
      let count = 0
      for (const name of inner) count += await visit([...words, name])
      return count
    }
    assert.ok((out.match(/^ {2}\$ .*postern /gm) ?? []).length >= 2, words.join(' '))
    return 1
  }
  assert.ok((await visit([])) > 45)
})
