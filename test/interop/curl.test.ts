/** curl speaks IMAP, SMTP and HTTP. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { needs, type Ran, run } from './program.ts'
import { alice, askMailbox, bob, curlImap, readMessage, uidsOf, withoutTrace } from './read-by-curl.ts'
import { startServer, type TestServer } from '../harness/server.ts'
import { largeSample, sample } from './samples.ts'

/** Of curl. */
const codes = { loginDenied: 67, sendError: 55, recvError: 56, quote: 21, weird: 8 } as const

describe('curl', needs('curl'), () => {
  let server: TestServer

  before(async () => {
    server = await startServer()
    for (const user of [alice, bob]) await server.createAccount(user.name, user.password)
  })
  after(() => server[Symbol.asyncDispose]())

  const fileOf = (name: string, bytes: Buffer): string => {
    const file = path.join(server.directory, name)
    writeFileSync(file, bytes)
    return file
  }

  const curl = (url: string, options: readonly string[], expected: readonly number[] = [0]): Promise<Ran> =>
    run('curl', ['--silent', '--show-error', '--insecure', '--url', url, ...options], { codes: expected })

  const signedIn = (user: typeof alice): readonly string[] => ['--user', `${user.name}:${user.password}`]

  describe('IMAP', () => {
    test('lists the folders', async () => {
      const { stdout } = await curlImap(server, alice, '')
      const lines = stdout.toString('utf8').trim().split('\r\n')
      for (const name of ['INBOX', 'Drafts', 'Sent', 'Junk', 'Trash', 'Archive']) {
        assert.ok(
          lines.some((line) => line.startsWith('* LIST ') && new RegExp(`"?${name}"?$`).test(line)),
          `${name} in ${lines.join('\n')}`,
        )
      }
    })

    for (const [what, bytes] of [
      ['a small message', sample({ subject: 'from curl' })],
      ['a message of 2 MiB', largeSample(2 << 20)],
    ] as const) {
      test(`${what} is appended and read back`, async () => {
        const before = await uidsOf(server, alice, 'Drafts')
        await curlImap(server, alice, 'Drafts', '--upload-file', fileOf('append.eml', bytes))
        const [uid, ...more] = (await uidsOf(server, alice, 'Drafts')).filter((one) => !before.includes(one))
        assert.ok(uid !== undefined && more.length === 0)
        assert.ok((await readMessage(server, alice, uid, 'Drafts')).equals(bytes), 'other bytes came out')
      })
    }

    test('sections and parts of a message', async () => {
      const bytes = sample({ subject: 'sections' })
      await curlImap(server, alice, 'Sent', '--upload-file', fileOf('sections.eml', bytes))
      const uid = (await uidsOf(server, alice, 'Sent')).at(-1)!
      const section = async (name: string): Promise<string> =>
        (await curlImap(server, alice, `Sent;UID=${uid};SECTION=${name}`)).stdout.toString('latin1')
      const text = bytes.toString('latin1')
      const bodyAt = text.indexOf('\r\n\r\n') + 4
      assert.equal(await section('HEADER'), text.slice(0, bodyAt))
      assert.equal(await section('TEXT'), text.slice(bodyAt))
      assert.equal(await section('1'), text.slice(bodyAt))
      assert.equal(await section('HEADER.FIELDS%20(Subject)'), 'Subject: sections\r\n\r\n')
    })

    test('STARTTLS before the password', async () => {
      const url = `imap://127.0.0.1:${server.imapPort}/INBOX`
      const options = ['--ssl-reqd', ...signedIn(alice), '--request', 'STATUS INBOX (UIDVALIDITY)']
      assert.match((await curl(url, options)).stdout.toString('utf8'), /^\* STATUS INBOX \(UIDVALIDITY \d+\)/)
      // Without TLS the server takes no password, and curl knows.
      await curl(url, signedIn(alice), [codes.loginDenied])
    })

    test('both ways to sign in, passwords with quotes and backslashes', async () => {
      for (const way of ['AUTH=PLAIN', 'AUTH=LOGIN']) {
        const { stdout } = await curlImap(server, bob, 'INBOX', '--login-options', way, '--request', 'NOOP')
        assert.doesNotMatch(stdout.toString('utf8'), /BAD|NO /)
      }
    })

    test('a wrong password', async () => {
      const options = ['--user', `${alice.name}:wrong`]
      await curl(`imaps://127.0.0.1:${server.imapsPort}/INBOX`, options, [codes.loginDenied])
    })

    test('folders and flags by commands', async () => {
      await askMailbox(server, bob, '', 'CREATE "a folder"')
      await curlImap(server, bob, 'a%20folder', '--upload-file', fileOf('flags.eml', sample()))
      assert.match(
        await askMailbox(server, bob, 'a folder', 'STORE 1 +FLAGS (\\Flagged label)'),
        /FLAGS \([^)]*\\Flagged[^)]*label/,
      )
      assert.match(await askMailbox(server, bob, 'a folder', 'SEARCH KEYWORD label'), /^\* SEARCH 1\r\n/)
      await askMailbox(server, bob, '', 'DELETE "a folder"')
      assert.doesNotMatch((await curlImap(server, bob, '')).stdout.toString('utf8'), /a folder/)
    })
  })

  describe('SMTP', () => {
    const send = (url: string, bytes: Buffer, options: readonly string[], expected?: readonly number[]) =>
      curl(url, ['--upload-file', fileOf('send.eml', bytes), ...options], expected)

    test('delivers from outside', async () => {
      const bytes = sample({ subject: 'curl delivers' })
      const envelope = ['--mail-from', 'somebody@example.net', '--mail-rcpt', bob.name]
      await send(`smtp://127.0.0.1:${server.smtpPort}/client.example.net`, bytes, envelope)
      const found = await readMessage(server, bob, (await uidsOf(server, bob)).at(-1)!)
      assert.deepEqual(withoutTrace(found), bytes)
    })

    for (const scheme of ['smtp', 'smtps'] as const) {
      test(`submits by ${scheme}`, async () => {
        const port = scheme === 'smtp' ? server.submissionPort : server.submissionsPort
        const bytes = sample({ from: alice.name, subject: scheme })
        const envelope = ['--mail-from', alice.name, '--mail-rcpt', bob.name]
        await send(`${scheme}://127.0.0.1:${port}/client.example.net`, bytes, [
          '--ssl-reqd',
          ...signedIn(alice),
          ...envelope,
        ])
        const found = await readMessage(server, bob, (await uidsOf(server, bob)).at(-1)!)
        assert.deepEqual(withoutTrace(found), bytes)
      })
    }

    test('a recipient who is not there', async () => {
      const before = await uidsOf(server, bob)
      const envelope = ['--mail-from', 'somebody@example.net', '--mail-rcpt', 'nobody@example.org']
      await send(`smtp://127.0.0.1:${server.smtpPort}/x`, sample(), envelope, [codes.sendError])
      assert.deepEqual(await uidsOf(server, bob), before)
    })

    test('VRFY and HELP', async () => {
      const { stdout } = await curl(`smtp://127.0.0.1:${server.smtpPort}/x`, ['--mail-rcpt', alice.name])
      assert.match(stdout.toString('utf8'), /^252 /)
      const help = await curl(`smtp://127.0.0.1:${server.smtpPort}/x`, ['--request', 'HELP'])
      assert.match(help.stdout.toString('utf8'), /^214[ -]/)
    })
  })

  describe('HTTP', () => {
    const get = async (path: string, ...options: readonly string[]): Promise<string> =>
      (await curl(`http://127.0.0.1:${server.httpPort}${path}`, ['--fail', ...options])).stdout.toString(
        'utf8',
      )
    const admin = (): readonly string[] => ['--user', `admin:${server.adminPassword}`]

    test('the page that says what this is', async () => {
      assert.match(await get('/'), /<title>[^<]*Postern/)
      const { stdout } = await curl(`https://127.0.0.1:${server.httpsPort}/`, ['--fail'])
      assert.match(stdout.toString('utf8'), /<title>[^<]*Postern/)
    })

    test('health', async () => {
      await get('/healthz/live')
      await get('/healthz/ready')
    })

    test('metrics', async () => {
      assert.match(await get('/metrics', ...admin()), /^# TYPE \w+ (?:counter|gauge|histogram)$/m)
    })

    test('accounts by the API, which asks who one is', async () => {
      const api = `http://127.0.0.1:${server.httpPort}/api/principal`
      const code = ['--output', '/dev/null', '--write-out', '%{http_code}']
      const status = async (...options: readonly string[]): Promise<string> =>
        (await curl(api, [...code, ...options])).stdout.toString('utf8')
      assert.equal(await status(), '401')
      assert.equal(await status('--user', 'admin:wrong'), '401')
      assert.equal(await status(...admin()), '200')
      const carol = { type: 'individual', name: 'carol@example.org', secrets: ['a password of Carol'] }
      assert.equal(await status(...admin(), '--json', JSON.stringify(carol)), '200')
      const { stdout } = await curlImap(
        server,
        { name: carol.name, password: carol.secrets[0]! },
        'INBOX',
        '--request',
        'NOOP',
      )
      assert.doesNotMatch(stdout.toString('utf8'), /BAD|NO /)
    })
  })
})
