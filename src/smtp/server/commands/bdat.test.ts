import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestServer } from '../fixture.test.ts'

const hello = 'EHLO client.example\r\n'
const envelope = 'MAIL FROM:<me@client.example>\r\nRCPT TO:<alice@example.org>\r\n'
const codes = (heard: string): string =>
  heard
    .split('\r\n')
    .filter((line) => /^\d{3} /.test(line))
    .map((line) => line.slice(0, 3))
    .join(' ')

const chunk = (text: string, last = false): string => `BDAT ${text.length}${last ? ' LAST' : ''}\r\n${text}`

test('RFC 3030 §4.2: chunks of any size, with dots as they are', async () => {
  await using s = await TestServer.start()
  const heard = await s.talk(
    'smtp',
    `${hello}${envelope}${chunk('A: b\r\n\r\n.\r')}${chunk('\n..')}${chunk('\r\n', true)}QUIT\r\n`,
  )
  assert.equal(codes(heard), '220 250 250 250 250 250 250 221')
  assert.deepEqual(await s.bodies('alice'), ['A: b\r\n\r\n.\r\n..\r\n'])
})

test('an empty last chunk ends the message', async () => {
  await using s = await TestServer.start()
  await s.talk('smtp', `${hello}${envelope}${chunk('A: b\r\n')}BDAT 0 LAST\r\nQUIT\r\n`)
  assert.deepEqual(await s.bodies('alice'), ['A: b\r\n'])
})

test('the octets of a refused chunk are not read as commands', async () => {
  await using s = await TestServer.start()
  const evil = `${envelope}DATA\r\nsmuggled\r\n.\r\n`
  const heard = await s.talk(
    'smtp',
    `${hello}${chunk(evil)}MAIL FROM:<a@b.org>\r\n${chunk(evil)}RSET\r\nQUIT\r\n`,
  )
  assert.equal(codes(heard), '220 250 503 250 503 250 221')
  assert.deepEqual(await s.bodies('alice'), [])
})

test('a size that cannot be read ends the session', async () => {
  for (const bad of [
    'BDAT',
    'BDAT x',
    'BDAT -1',
    'BDAT 1 LASTX',
    'BDAT 1LAST',
    'BDAT 1 LAST x',
    `BDAT ${'9'.repeat(16)}`,
  ]) {
    await using s = await TestServer.start()
    const heard = await s.talk('smtp', `${hello}${envelope}${bad}\r\n${envelope}DATA\r\n`)
    assert.equal(codes(heard), '220 250 250 250 501', bad)
  }
})

test('DATA and BDAT do not mix, and no recipient comes after a chunk', async () => {
  await using s = await TestServer.start()
  const c = await s.greeted()
  c.sendRaw(envelope + chunk('A: b\r\n'))
  await c.expectLines(['250 ', '250 ', '250 2.0.0 6 octets received'])
  await c.ask('RCPT TO:<bob@example.org>', '503 5.5.1')
  await c.ask('DATA', '503 5.5.1')
  c.sendRaw(chunk('\r\nx\r\n', true))
  await c.expect('250 2.0.0 Message accepted')
  assert.deepEqual(await s.bodies('alice'), ['A: b\r\n\r\nx\r\n'])
})

test('too large: that chunk and all further ones are refused until a reset', async () => {
  await using s = await TestServer.start({ limits: { maxMessageBytes: 10 } })
  const heard = await s.talk(
    'smtp',
    `${hello}${envelope}${chunk('A: b\r\n')}${chunk('12345')}${chunk('1')}${chunk('', true)}RSET\r\n${envelope}${chunk('A: b\r\n', true)}${envelope}${chunk('A: b\r\n789ab', true)}QUIT\r\n`,
  )
  assert.equal(codes(heard), '220 250 250 250 250 552 503 503 250 250 250 250 250 250 552 221')
  assert.deepEqual(await s.bodies('alice'), ['A: b\r\n'])
})

test('bare line ends are refused here too', async () => {
  for (const bad of ['A: b\n', 'A: b\r', 'A\r\r\n']) {
    await using s = await TestServer.start()
    const heard = await s.talk('smtp', `${hello}${envelope}${chunk(bad, true)}QUIT\r\n`)
    assert.equal(codes(heard), '220 250 250 250 554 221')
  }
})

test('a reset and a client that leaves drop what was staged', async () => {
  let aborted = 0
  await using s = await TestServer.start()
  const deps = {
    blobs: {
      stager: () => ({
        write: () => undefined,
        finish: () => assert.fail('not complete'),
        abort: () => {
          aborted++
          return Promise.resolve()
        },
      }),
    },
  }
  await using t = await TestServer.start({ deps })
  await t.talk(
    'smtp',
    `${hello}${envelope}${chunk('A: b\r\n')}RSET\r\n${envelope}${chunk('A: b\r\n')}BDAT 100\r\nabc`,
  )
  assert.equal(aborted, 2)
  assert.deepEqual(await s.bodies('alice'), [])
})
