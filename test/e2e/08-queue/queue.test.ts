/** An administrator and mail that waits: held back, looked at, hurried, taken out, and why it does not go. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Result, runLine } from '#cli/fixture.test.ts'
import { ScriptedServer } from '#smtp/client/fixture.test.ts'
import { startDns } from '../../harness/dns.ts'
import { startServer, type TestServer } from '../../harness/server.ts'

const password = 'correct horse battery'

const postern = ({ httpPort, directory }: TestServer, line: string): Promise<Result> =>
  runLine(`--url http://127.0.0.1:${httpPort} --data ${join(directory, 'data')} ${line}`, { columns: 80 })

async function submit(server: TestServer, to: readonly string[], words = ''): Promise<void> {
  await using smtp = await server.connect(server.submissionsPort, { tls: true })
  await smtp.expect('220 ')
  smtp.send('EHLO client.example.net')
  await smtp.until('250 ')
  await smtp.ask(`AUTH PLAIN ${Buffer.from(`\0alice@example.org\0${password}`).toString('base64')}`, '235 ')
  await smtp.ask(`MAIL FROM:<alice@example.org>${words}`, '250 ')
  for (const one of to) await smtp.ask(`RCPT TO:<${one}>`, '250 ')
  await smtp.ask('DATA', '354 ')
  smtp.sendRaw('Subject: hello\r\n\r\nhello\r\n.\r\n')
  await smtp.expect('250 ')
}

interface Listed {
  readonly items: readonly { readonly id: string; readonly to: readonly string[]; readonly status: string }[]
}

async function waitFor(server: TestServer, isWanted: (found: Listed) => boolean): Promise<Listed> {
  for (let tries = 0; ; tries++) {
    const { out } = await postern(server, 'queue list --json')
    const found = JSON.parse(out) as Listed
    if (isWanted(found)) return found
    assert.ok(tries < 3000, `${out}\n${server.process.output}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

test('mail is held back over a restart, looked at, hurried and taken out', async () => {
  await using dns = await startDns({
    'remote.example': { MX: ['10 mx.remote.example'] },
    'mx.remote.example': { A: ['127.0.0.1'] },
  })
  const answers: Record<string, string> = { RCPT: '450 4.2.0 greylisted, come back' }
  await using remote = await ScriptedServer.start({ answers })
  const config = `${dns.config}\n[MtaConnectionStrategy]\nport = ${remote.port}\n`
  await using first = await startServer({ config })
  await first.createAccount('alice@example.org', password)

  assert.match((await postern(first, 'queue pause')).out, /^The queue is paused/)
  await submit(first, ['bob@remote.example', 'carol@remote.example'])
  await waitFor(first, ({ items }) => items.length === 1)
  await first.process.stop()

  await using server = await startServer({ config, directory: first.directory })
  assert.match((await postern(server, 'status')).out, /The queue has been paused for .* by admin/)
  assert.equal(remote.sessions.length, 0)
  assert.match((await postern(server, 'queue resume')).out, /lets mail out again/)
  const [waiting] = (await waitFor(server, ({ items }) => items[0]?.status !== '')).items
  assert.equal(waiting!.status, '450 4.2.0 greylisted, come back')

  const list = await postern(server, 'queue list')
  assert.match(list.out, new RegExp(`^${waiting!.id} +in \\S+ +1 +bob@remote\\.example +\\+1 `, 'm'))
  const shown = await postern(server, `queue show ${waiting!.id}`)
  assert.match(
    shown.out,
    /state: +delayed[^]*mx\.remote\.example \[127\.0\.0\.1\]\n +RCPT TO:<bob@remote\.example>:/,
  )
  for (const line of `${list.out}${shown.out}`.split('\n')) assert.ok(line.length <= 80, line)

  const tried = await postern(server, 'troubleshoot delivery bob@remote.example')
  assert.equal(tried.code, 1)
  assert.match(tried.out, /ok {7}connect[^]*problem {2}RCPT\n.*greylisted[^]*tried again by itself/)

  delete answers['RCPT']
  assert.equal((await postern(server, 'troubleshoot delivery bob@remote.example')).code, 0)
  assert.deepEqual(remote.messages, [])
  const cancelled = await postern(server, `queue cancel ${waiting!.id} --only bob@remote.example --yes`)
  assert.equal(cancelled.code, 0, cancelled.err)
  assert.match((await postern(server, `queue retry ${waiting!.id}`)).out, /^1 message will be tried now/)
  await waitFor(server, ({ items }) => items.length === 0)
  assert.equal(remote.messages.length, 1)
  const sent: readonly string[] = remote.sessions.find((session) => session.includes('DATA')) ?? []
  const commands = sent.slice(sent.findLastIndex((line) => line.startsWith('MAIL')))
  assert.ok(commands.includes('RCPT TO:<carol@remote.example>') && !commands.join().includes('bob@'))
  const audit = await postern(server, 'audit --object QueuedMessage')
  assert.equal(audit.out.trimEnd().split('\n').length, 3)
})

test('mail whose bytes are damaged on the disk is found, told of, and comes back without them', async () => {
  await using dns = await startDns({
    'remote.example': { MX: ['10 mx.remote.example'] },
    'mx.remote.example': { A: ['127.0.0.1'] },
  })
  await using remote = await ScriptedServer.start({ offers: ['CHUNKING', 'PIPELINING'] })
  const config = `${dns.config}\n[MtaConnectionStrategy]\nport = ${remote.port}\n`
  await using first = await startServer({ config })
  await first.createAccount('alice@example.org', password)
  await postern(first, 'queue pause')
  await submit(first, ['bob@remote.example'])
  await submit(first, ['alice@example.org'], ' HOLDFOR=1')
  const { items } = await waitFor(first, ({ items }) => items.length === 2)
  await first.process.stop()
  const blobs = join(first.directory, 'data', 'blobs')
  for (const name of readdirSync(blobs).filter((one) => one.endsWith('.seg'))) {
    const bytes = readFileSync(join(blobs, name))
    const at = bytes.indexOf('Subject: hello')
    assert.ok(at > 0)
    bytes[at]! ^= 1
    writeFileSync(join(blobs, name), bytes)
  }
  const found = await postern(first, 'check')
  assert.equal(found.code, 1)
  assert.match(found.out, /blob-damaged/)

  await using server = await startServer({ config, directory: first.directory })
  for (const { id } of items)
    assert.equal((await postern(server, `queue retry ${id} --at 1s --expires 2s`)).code, 0)
  await postern(server, 'queue resume')
  await server.process.printed('queue.message-unreadable')
  await waitFor(server, ({ items }) => items.length === 0)
  assert.deepEqual(remote.messages, [])
  assert.doesNotMatch(server.process.output, /queue\.attempt-failed/)
  await using imap = await server.connect(server.imapsPort, { tls: true })
  await imap.expect('* OK ')
  await imap.ask(`a LOGIN alice@example.org "${password}"`, 'a OK ')
  imap.send('b EXAMINE INBOX')
  assert.ok((await imap.until('b OK')).includes('* 2 EXISTS'))
  const told: string[] = []
  for (const n of [1, 2]) {
    imap.send(`c FETCH ${n} (BODY.PEEK[])`)
    const size = Number(/\{(\d+)\}$/.exec(await imap.line())![1])
    const notification = (await imap.bytes(size)).toString()
    await imap.until('c OK')
    const [, to = ''] = /Final-Recipient: rfc822; (\S+)\r\nAction: failed\r\nStatus: 4\.4\.7/.exec(
      notification,
    )!
    told.push(to)
    assert.doesNotMatch(notification, /hello/)
  }
  assert.deepEqual(told.toSorted(), ['alice@example.org', 'bob@remote.example'])
})

test('where mail goes here, and where nobody is', async () => {
  await using dns = await startDns({ 'null.example': { MX: ['0 .'] } })
  await using server = await startServer({ config: dns.config })
  await server.createAccount('alice@example.org', password)
  const local = await postern(server, 'troubleshoot delivery alice@example.org')
  assert.equal(local.code, 0)
  assert.match(local.out, /is an account of this server: it is delivered here/)
  for (const [address, said] of [
    ['nobody@example.org', /has nobody with the address/],
    ['bob@null.example', /null\.example takes no mail/],
    ['bob@absent.example', /there is no domain absent\.example/],
  ] as const) {
    const { code, out } = await postern(server, `troubleshoot delivery ${address}`)
    assert.equal(code, 1)
    assert.match(out.replaceAll(/\s+/g, ' '), said)
  }
  const doctor = await postern(server, 'doctor --to null.example')
  assert.equal(doctor.code, 1)
  assert.match(
    doctor.out,
    /skipped +port 25 null\.example[^]*problem +certificate[^]*problem +MX example\.org/,
  )
})
