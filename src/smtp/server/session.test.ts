import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryBlobs } from '#blob/engines/memory.ts'
import { TestServer } from './fixture.test.ts'
import type { SmtpDeps } from './smtp-command.ts'

const envelope = 'MAIL FROM:<me@client.example>\r\nRCPT TO:<alice@example.org>\r\n'
const hello = 'EHLO client.example\r\n'
/** The replies' codes, continuation lines left out. */
const codes = (heard: string): string =>
  heard
    .split('\r\n')
    .filter((line) => /^\d{3} /.test(line))
    .map((line) => line.slice(0, 3))
    .join(' ')

test('RFC 5321 D.1: a typical transaction', async () => {
  await using s = await TestServer.start({ accounts: { jones: 0, brown: 0 } })
  const c = s.open('smtp', { tls: false })
  await c.expect('220 mx.example.org ESMTP ready')
  c.send('EHLO bar.com')
  assert.deepEqual(await c.until('250 '), [
    '250-mx.example.org greets bar.com',
    '250-PIPELINING',
    '250-SIZE 104857600',
    '250-8BITMIME',
    '250-SMTPUTF8',
    '250-CHUNKING',
    '250 ENHANCEDSTATUSCODES',
  ])
  await c.ask('MAIL FROM:<Smith@bar.com>', '250 2.1.0')
  await c.ask('RCPT TO:<Jones@example.org>', '250 2.1.5')
  await c.ask('RCPT TO:<Green@example.org>', '550 5.1.1')
  await c.ask('RCPT TO:<Brown@example.org>', '250 2.1.5')
  await c.ask('DATA', '354 ')
  c.send('From: Smith@bar.com', '', 'Blah blah blah...', '..etc.', '.')
  await c.expect('250 2.0.0 Message accepted, id s1.1')
  await c.ask('QUIT', '221 2.0.0')
  await c.expectEnd()
  await s.done
  assert.deepEqual(await s.bodies('jones'), ['From: Smith@bar.com\r\n\r\nBlah blah blah...\r\n.etc.\r\n'])
  assert.deepEqual(await s.bodies('brown'), await s.bodies('jones'))
  const [message] = await s.messages('jones')
  assert.ok(
    message!.startsWith(
      'Return-Path: <Smith@bar.com>\r\nDelivered-To: Jones@example.org\r\nReceived: from bar.com ([192.0.2.1]) by mx.example.org with ESMTP id s1.1;',
    ),
  )
  assert.ok(!message!.includes('brown'))
  const { id, to, recipients } = s.heard('smtp.message-received')[0]!
  assert.deepEqual([id, to, recipients], ['s1.1', ['Jones@example.org', 'Brown@example.org'], 2])
  assert.equal(s.heard('smtp.message-rejected')[0]!['ip'], '192.0.2.1')
})

test('RFC 5321 D.2: a transaction that is reset', async () => {
  await using s = await TestServer.start()
  const c = await s.greeted()
  await c.ask('MAIL FROM:<Smith@bar.com>', '250 ')
  await c.ask('RCPT TO:<alice@example.org>', '250 ')
  await c.ask('RCPT TO:<Green@example.org>', '550 ')
  await c.ask('RSET', '250 2.0.0')
  await c.ask('DATA', '503 5.5.1 MAIL first')
  await c.ask('QUIT', '221 ')
  await c.expectEnd()
  assert.deepEqual(await s.messages('alice'), [])
})

test('HELO, and a message without extensions', async () => {
  await using s = await TestServer.start()
  const heard = await s.talk('smtp', `HELO old.example\r\n${envelope}DATA\r\nA: b\r\n\r\nx\r\n.\r\nQUIT\r\n`)
  assert.equal(codes(heard), '220 250 250 250 354 250 221')
  assert.ok(heard.includes('\r\n250 mx.example.org\r\n'))
  assert.ok((await s.messages('alice'))[0]!.includes('with SMTP id'))
})

test('commands out of order', async () => {
  await using s = await TestServer.start()
  const c = s.open()
  await c.expect('220 ')
  await c.ask('MAIL FROM:<a@b.org>', '503 5.5.1')
  await c.ask('RCPT TO:<alice@example.org>', '503 5.5.1')
  await c.ask('DATA', '503 5.5.1')
  await c.ask('NOOP', '250 2.0.0')
  await c.ask('RSET', '250 2.0.0')
  await c.ask('VRFY alice', '252 2.0.0')
  await c.ask('HELP', '214-2.0.0')
  await c.expect('214 2.0.0')
  c.send('EHLO a.example')
  await c.until('250 ')
  await c.ask('RCPT TO:<alice@example.org>', '503 5.5.1')
  await c.ask('MAIL FROM:<a@b.org>', '250 ')
  await c.ask('MAIL FROM:<a@b.org>', '503 5.5.1')
  await c.ask('DATA', '503 5.5.1 No valid recipients')
  await c.ask('RCPT TO:<alice@example.org>', '250 ')
  c.send('EHLO b.example')
  await c.until('250 ')
  await c.ask('DATA', '503 5.5.1 MAIL first')
  await c.ask('QUIT', '221 ')
})

test('what is no command', async () => {
  await using s = await TestServer.start({ limits: { maxErrors: 100 } })
  const c = await s.greeted()
  await c.ask('', '500 5.5.1')
  await c.ask('FOO', '500 5.5.1')
  await c.ask('MAIL', '501 5.1.7')
  await c.ask('MAIL TO:<a@b.org>', '501 5.1.7')
  await c.ask('MAIL FROM:a@b.org', '501 5.1.7')
  await c.ask('EHLO', '501 Syntax')
  await c.ask('EHLO a b', '501 Syntax')
  await c.ask(`EHLO ${'a'.repeat(256)}`, '501 Syntax')
  await c.ask('HELO (evil)', '501 Syntax')
  await c.ask('RSET x', '501 5.5.4')
  await c.ask('QUIT x', '501 5.5.4')
  await c.ask('EXPN list', '502 5.5.1')
  await c.ask('LHLO a.example', '500 5.5.1')
  await c.ask('VRFY', '501 5.5.4')
  await c.ask('NOOP \x01', '500 5.5.2')
  await c.ask('MAIL FROM:<a@b.org>', '250 ')
  await c.ask('RCPT TO:<>', '501 5.1.3')
  await c.ask('RCPT TO:<a@b.org> NOTIFY=NEVER', '555 5.5.4')
  await c.ask('RCPT TO:<nobody@elsewhere.example>', '550 5.7.1 Relaying denied')
  await c.ask('RCPT TO:<alice@example.org>', '250 ')
  await c.ask('DATA now', '501 5.5.4')
})

test('parameters of MAIL', async () => {
  await using s = await TestServer.start({ limits: { maxMessageBytes: 1000 } })
  const c = await s.greeted()
  for (const [parameters, expected] of [
    ['SIZE=1000 BODY=8BITMIME SMTPUTF8 AUTH=<>', '250 '],
    ['SIZE=1001', '552 5.3.4'],
    ['SIZE=99999999999999999999', '552 5.3.4'],
    ['SIZE=999999999999999999999', '501 5.5.4'],
    ['SIZE=1x', '501 5.5.4'],
    ['SIZE', '501 5.5.4'],
    ['body=7bit', '250 '],
    ['BODY=BINARYMIME', '501 5.5.4'],
    ['SMTPUTF8=1', '501 5.5.4'],
    ['RET=FULL', '555 5.5.4'],
    ['SIZE=1 SIZE=1', '501 5.1.7'],
  ] as const) {
    await c.ask(`MAIL FROM:<a@b.org> ${parameters}`, expected)
    await c.ask('RSET', '250 ')
  }
})

test('UTF-8 in addresses only with SMTPUTF8', async () => {
  await using s = await TestServer.start({ accounts: { jürgen: 0 } })
  const utf8 = (text: string): string => Buffer.from(text).toString('latin1')
  const c = await s.greeted()
  await c.ask(utf8('MAIL FROM:<ü@b.org>'), '550 5.6.7')
  await c.ask('MAIL FROM:<a@b.org>', '250 ')
  await c.ask(utf8('RCPT TO:<jürgen@example.org>'), '553 5.6.7')
  await c.ask('RSET', '250 ')
  await c.ask(utf8('MAIL FROM:<ü@bücher.example> SMTPUTF8'), '250 ')
  await c.ask(utf8('RCPT TO:<jürgen@example.org>'), '250 ')
  await c.ask('RCPT TO:<\xff@example.org>', '500 5.5.2')
  await c.ask('DATA', '354 ')
  c.send('Subject: x', '', 'y', '.')
  await c.expect('250 ')
  const [message] = await s.messages('jürgen')
  assert.ok(
    message!.startsWith(utf8('Return-Path: <ü@bücher.example>\r\nDelivered-To: jürgen@example.org\r\n')),
  )
  assert.ok(message!.includes('with UTF8SMTP id'))
})

test('the postmaster without a domain is that of the default domain', async () => {
  await using s = await TestServer.start()
  const c = await s.greeted()
  await c.ask('MAIL FROM:<>', '250 ')
  await c.ask('RCPT TO:<Postmaster>', '250 ')
  await c.ask('DATA', '354 ')
  c.send('Subject: x', '', '.')
  await c.expect('250 ')
  assert.ok((await s.messages('postmaster'))[0]!.startsWith('Return-Path: <>\r\n'))
  await using none = await TestServer.start({ deps: { defaultDomain: () => undefined } })
  const d = await none.greeted()
  await d.ask('MAIL FROM:<>', '250 ')
  await d.ask('RCPT TO:<Postmaster>', '550 5.1.1')
})

test('limits: recipients, errors, unknown commands, messages, lines, time', async () => {
  await using s = await TestServer.start({
    limits: {
      maxRecipients: 2,
      maxErrors: 3,
      maxUnknownCommands: 2,
      maxRecipientFailures: 2,
      maxMessages: 1,
      maxLineBytes: 100,
    },
  })
  const c = await s.greeted()
  await c.ask('MAIL FROM:<a@b.org>', '250 ')
  await c.ask('RCPT TO:<alice@example.org>', '250 ')
  await c.ask('RCPT TO:<bob@example.org>', '250 ')
  await c.ask('RCPT TO:<alice+x@example.org>', '452 4.5.3')
  await c.ask('DATA', '354 ')
  c.send('x: y', '', '.')
  await c.expect('250 ')
  await c.ask('MAIL FROM:<a@b.org>', '421 4.7.0')
  await c.expectEnd()

  const errors = await s.greeted()
  await errors.ask('DATA', '503 ')
  await errors.ask('DATA', '503 ')
  await errors.ask('DATA', '503 ')
  await errors.expect('421 4.7.0')
  await errors.expectEnd()

  const unknown = await s.greeted()
  await unknown.ask('x'.repeat(101), '500 5.5.2 Line too long')
  await unknown.ask('foo', '500 5.5.1')
  await unknown.expect('421 4.7.0')
  await unknown.expectEnd()

  const harvest = await s.greeted()
  await harvest.ask('MAIL FROM:<a@b.org>', '250 ')
  await harvest.ask('RCPT TO:<x@example.org>', '550 ')
  await harvest.ask('RCPT TO:<y@example.org>', '550 ')
  await harvest.expect('421 4.7.0')
  await harvest.expectEnd()

  const long = await s.greeted()
  s.clock.advance(601_000)
  await long.ask('NOOP', '421 4.4.2')
  await long.expectEnd()
  assert.equal(s.heard('smtp.session-aborted').length, 4)
})

test('a request of another protocol ends the session before its body is read', async () => {
  await using s = await TestServer.start()
  const heard = await s.talk(
    'smtp',
    `POST / HTTP/1.1\r\nHost: x\r\n\r\nEHLO x\r\n${envelope}DATA\r\nx\r\n.\r\n`,
  )
  assert.equal(codes(heard), '220 554')
  assert.deepEqual(await s.messages('alice'), [])
})

test('a bare line end in a command does not begin another', async () => {
  await using s = await TestServer.start()
  for (const end of ['\n', '\r']) {
    const heard = await s.talk(
      'smtp',
      `${hello}NOOP${end}MAIL FROM:<a@b.org>\r\nRCPT TO:<alice@example.org>\r\n`,
    )
    assert.equal(codes(heard), '220 250 500 503')
  }
})

test('pipelined groups get their answers together', async () => {
  await using s = await TestServer.start()
  const c = await s.greeted()
  const answered: string[] = []
  c.stream.on('data', (chunk: Buffer) => answered.push(chunk.toString()))
  c.sendRaw(`${envelope}RCPT TO:<nobody@example.org>\r\nDATA\r\n`)
  await c.expectLines(['250 2.1.0', '250 2.1.5', '550 5.1.1', '354 '])
  assert.equal(answered.length, 1)
  c.sendRaw(`A: b\r\n\r\nx\r\n.\r\nRSET\r\n${envelope}DATA\r\n`)
  await c.expectLines(['250 2.0.0', '250 2.0.0', '250 2.1.0', '250 2.1.5', '354 '])
  c.sendRaw('A: c\r\n\r\ny\r\n.\r\nQUIT\r\n')
  await c.expectLines(['250 2.0.0', '221 2.0.0'])
  await c.expectEnd()
  assert.deepEqual(await s.bodies('alice'), ['A: b\r\n\r\nx\r\n', 'A: c\r\n\r\ny\r\n'])
})

test('STARTTLS: what was sent ahead is never answered, and the state is new', async () => {
  await using s = await TestServer.start()
  const c = await s.greeted()
  await c.ask('MAIL FROM:<a@b.org>', '250 ')
  c.sendRaw('STARTTLS\r\nRCPT TO:<alice@example.org>\r\nNOOP\r\n')
  await c.expect('220 2.0.0')
  await c.upgradeTls()
  await c.ask('RCPT TO:<alice@example.org>', '503 5.5.1 Say hello first')
  c.send('EHLO client.example')
  const keywords = await c.until('250 ')
  assert.ok(!keywords.some((line) => line.includes('STARTTLS')))
  assert.ok(keywords.includes('250 AUTH PLAIN LOGIN'))
  await c.ask('STARTTLS', '503 5.5.1')
  await c.ask('MAIL FROM:<a@b.org>', '250 ')
  await c.ask('RCPT TO:<alice@example.org>', '250 ')
  await c.ask('DATA', '354 ')
  c.send('A: b', '', '.')
  await c.expect('250 ')
  assert.match((await s.messages('alice'))[0]!, /with ESMTPS\s+\(TLSv1\.3\s+cipher TLS_AES/)
  assert.equal(s.heard('smtp.start-tls')[0]!['suspicious'], true)
})

test('STARTTLS with an argument, without certificates, and with nonsense for a handshake', async () => {
  await using s = await TestServer.start()
  const c = await s.greeted()
  await c.ask('STARTTLS now', '501 5.5.4')
  await c.ask('STARTTLS', '220 ')
  c.sendRaw('this is no handshake at all, and longer than a record header')
  await s.done
  assert.equal(s.heard('smtp.start-tls-failed').length, 1)
  const plain = await s.greeted('smtp', { tls: false })
  await plain.ask('STARTTLS', '502 5.5.1')
})

test('idle clients are told before they are left', async () => {
  await using s = await TestServer.start({ limits: { idleTimeoutMs: 5 } })
  const c = s.open()
  await c.expect('220 ')
  await c.expect('421 4.4.2')
  await c.expectEnd()
})

test('a fault inside a command becomes a reply, a crash ends the session', async () => {
  const { Fault } = await import('#base/fault.ts')
  let error: Error = new Fault('unavailable', 'secret detail', {}, { reason: 'disk 7' })
  await using s = await TestServer.start({ deps: { resolve: () => Promise.reject(error) } })
  const c = await s.greeted()
  await c.ask('MAIL FROM:<a@b.org>', '250 ')
  await c.ask('RCPT TO:<alice@example.org>', '451 4.3.0 Temporary problem')
  error = new TypeError('undefined is not a function')
  await c.ask('RCPT TO:<alice@example.org>', '421 4.3.0 Internal error')
  await c.expectEnd()
  assert.equal(s.heard('smtp.error').length, 2)
})

test('a server that stops says so between commands, and takes a message that was begun', async () => {
  await using s = await TestServer.start()
  const c = await s.greeted()
  s.shutdown()
  await c.expect('421 4.3.2')
  await c.expectEnd()
  const d = await s.greeted()
  d.sendRaw(`${envelope}DATA\r\n`)
  await d.expectLines(['250 ', '250 ', '354 '])
  s.shutdown()
  d.sendRaw('A: b\r\n.\r\nNOOP\r\n')
  await d.expectLines(['250 2.0.0', '421 4.3.2'])
  await d.expectEnd()
  assert.deepEqual(await s.bodies('alice'), ['A: b\r\n'])
})

test('a transfer may outlast the session, but not drip', async () => {
  await using s = await TestServer.start()
  for (const start of ['DATA\r\n', 'BDAT 1000000 LAST\r\n']) {
    const c = await s.greeted()
    c.sendRaw(envelope + start)
    await c.expectLines(start.startsWith('DATA') ? ['250 ', '250 ', '354 '] : ['250 ', '250 '])
    c.sendRaw(`A: b\r\n\r\n${'x'.repeat(10_000)}\r\n`)
    await new Promise(setImmediate)
    s.clock.advance(605_000)
    c.sendRaw('slow but steady\r\n')
    await new Promise(setImmediate)
    s.clock.advance(10_000)
    c.sendRaw('drip\r\n')
    await c.expect('421 4.4.2 Transfer is too slow')
    await c.expectEnd()
  }
  assert.equal(s.heard('smtp.session-aborted').length, 2)
})

test('a client that has ended its side is still answered', async () => {
  const { Fault } = await import('#base/fault.ts')
  const resolve = async (): Promise<never> => {
    await new Promise(setImmediate)
    throw new Fault('unavailable', 'busy', {})
  }
  await using s = await TestServer.start({ deps: { resolve } })
  assert.equal(codes(await s.talk('smtp', `${hello}${envelope}QUIT\r\n`)), '220 250 250 451 221')
})

test('RFC 4954 §4, §6: no AUTH during a transaction, and no data before AUTH where that is needed', async () => {
  await using s = await TestServer.start()
  const c = await s.secured('smtp')
  await c.ask('MAIL FROM:<me@client.example>', '250 ')
  await c.ask('AUTH PLAIN AGFsaWNlAHNlY3JldA==', '503 5.5.1')
  await c.ask('RSET', '250 ')
  await c.ask('AUTH PLAIN AGFsaWNlAHNlY3JldA==', '235 ')
  const d = await s.secured('submission')
  await d.ask('BDAT 4 LAST\r\nA: b', '530 5.7.0')
})

test('RFC 3030 §2: chunks of a transaction that is reset are not kept, whatever resets it', async () => {
  let aborted = 0
  const blobs = new MemoryBlobs()
  const stager = (o: Parameters<MemoryBlobs['stager']>[0]) => {
    const made = blobs.stager(o)
    const abort = made.abort.bind(made)
    return Object.assign(made, { abort: () => (aborted++, abort()) })
  }
  await using s = await TestServer.start({ deps: { blobs: { stager } } })
  for (const [i, reset] of ['RSET', 'EHLO client.example', 'QUIT', 'HELO client.example'].entries()) {
    const c = await s.greeted()
    c.sendRaw(`${envelope}BDAT 6\r\nA: b\r\n`)
    await c.expectLines(['250 ', '250 ', '250 2.0.0 6 octets'])
    c.sendRaw(`${reset}\r\n`)
    await c.until(reset === 'QUIT' ? '221 ' : '250 ')
    assert.equal(aborted, i + 1, reset)
  }
})

test('what is changed about an account holds for sessions that are open: it writes only as it may now', async () => {
  const watched: Parameters<SmtpDeps['accessWatch']['watch']>[] = []
  const watch = (...given: Parameters<SmtpDeps['accessWatch']['watch']>): Disposable => {
    watched.push(given)
    return { [Symbol.dispose]: () => undefined }
  }
  await using s = await TestServer.start({ deps: { accessWatch: { watch } } })
  const c = await s.secured('submission')
  await c.ask('AUTH PLAIN AGFsaWNlAHNlY3JldA==', '235 ')
  await c.ask('MAIL FROM:<alice@example.org>', '250 ')
  await c.ask('RSET', '250 ')
  const [access, onChange] = watched[0]!
  onChange({ ...access, addresses: [], permissions: new Set() } as never)
  await c.ask('MAIL FROM:<alice@example.org>', '5')
})
