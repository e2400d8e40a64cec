import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keysOnly, passwordsOnly, settingsWith, userAccess } from '#account/fixture.test.ts'
import { SaslMechanisms } from '#account/sasl/mechanisms.ts'
import { scramClient } from '#account/sasl/scram-client.test.ts'
import { deriveScramKeys } from '#account/verifiers/scram-keys.ts'
import { Fault } from '#base/fault.ts'
import { TestServer } from '../fixture.test.ts'

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const right = base64('\0alice@example.org\0secret')
const wrong = base64('\0alice@example.org\0wrong')

test('PLAIN with and without initial response', async () => {
  await using s = await TestServer.start()
  const c = await s.secured('submission')
  await c.ask(`AUTH PLAIN ${right}`, '235 2.7.0')
  await c.ask(`AUTH PLAIN ${right}`, '503 5.5.1')
  c.send('EHLO again.example')
  assert.ok(!(await c.until('250 ')).some((line) => line.includes('AUTH')))
  const d = await s.secured('smtp')
  await d.ask('auth plain', /^334 $/)
  await d.ask(right, '235 2.7.0')
})

test('LOGIN, also with the name as initial response', async () => {
  await using s = await TestServer.start()
  const c = await s.secured('submission')
  await c.ask('AUTH LOGIN', `334 ${base64('Username:')}`)
  await c.ask(base64('alice@example.org'), `334 ${base64('Password:')}`)
  await c.ask(base64('secret'), '235 2.7.0')
  const d = await s.secured('submission')
  await d.ask(`AUTH LOGIN ${base64('alice@example.org')}`, '334 ')
  await d.ask(base64('secret'), '235 2.7.0')
})

test('what can go wrong in the exchange', async () => {
  await using s = await TestServer.start({ limits: { maxErrors: 100 } })
  const c = await s.secured('submission')
  await c.ask('AUTH', '501 5.5.4')
  await c.ask('AUTH PLAIN a b', '501 5.5.4')
  await c.ask('AUTH CRAM-MD5', '504 5.5.4')
  for (const bad of ['abc', '=AAA', 'AAA=BBB=', 'A=BC', 'a!bc', '====', 'AA-_'])
    await c.ask(`AUTH PLAIN ${bad}`, '501 5.5.2')
  await c.ask('AUTH PLAIN =', '501 5.5.2')
  await c.ask(`AUTH PLAIN ${base64('no separators')}`, '501 5.5.2')
  await c.ask('AUTH PLAIN', '334 ')
  await c.ask('*', '501 5.7.0')
  await c.ask('AUTH PLAIN', '334 ')
  await c.ask(`${'A'.repeat(12_292)}`, '500 5.5.6')
  await c.ask('AUTH LOGIN', '334 ')
  await c.ask('', '501 5.5.2')
  assert.deepEqual(s.pauses, [])
  await c.ask(`AUTH PLAIN ${right}`, '235 ')
})

test('wrong passwords are answered late, and the third ends the session', async () => {
  await using s = await TestServer.start()
  const c = await s.secured('submission')
  await c.ask(`AUTH PLAIN ${wrong}`, '535 5.7.8')
  await c.ask(`AUTH PLAIN ${wrong}`, '535 5.7.8')
  await c.ask(`AUTH PLAIN ${wrong}`, '421 4.7.0')
  await c.expectEnd()
  assert.deepEqual(s.pauses, [5000, 5000, 5000])
})

test('not in clear, not over LMTP, not before EHLO, not inside a transaction', async () => {
  await using s = await TestServer.start()
  const c = await s.greeted('submission')
  await c.ask(`AUTH PLAIN ${right}`, '530 5.7.0 Must issue a STARTTLS')
  await c.ask('MAIL FROM:<alice@example.org>', '530 5.7.0 Must issue a STARTTLS')
  const noTls = await s.greeted('submission', { tls: false })
  await noTls.ask(`AUTH PLAIN ${right}`, '502 5.5.1')
  await noTls.ask('MAIL FROM:<alice@example.org>', '530 5.7.0')
  const lmtp = await s.greeted('lmtp')
  await lmtp.ask(`AUTH PLAIN ${right}`, '500 5.5.1')
  const early = await s.greeted('smtp')
  await early.ask('STARTTLS', '220 ')
  await early.upgradeTls()
  await early.ask(`AUTH PLAIN ${right}`, '503 5.5.1')
  const busy = await s.secured('smtp')
  await busy.ask('MAIL FROM:<a@b.org>', '250 ')
  await busy.ask(`AUTH PLAIN ${right}`, '503 5.5.1')
})

test('submission: nothing before sign-in, then only own senders, and recipients anywhere', async () => {
  await using s = await TestServer.start()
  const c = await s.secured('submission')
  for (const command of ['MAIL FROM:<alice@example.org>', 'RCPT TO:<bob@example.org>', 'DATA', 'VRFY bob']) {
    await c.ask(command, '530 5.7.0 Authentication required')
  }
  c.sendRaw('BDAT 4 LAST\r\nQUITNOOP\r\n')
  await c.expectLines(['530 5.7.0', '250 2.0.0'])
  await c.ask(`AUTH PLAIN ${right}`, '235 ')
  await c.ask('MAIL FROM:<bob@example.org>', '550 5.7.1')
  await c.ask('MAIL FROM:<x@elsewhere.example>', '550 5.7.1')
  for (const sender of ['', 'alice@example.org', 'Alice@EXAMPLE.org', 'alice+lists@example.org']) {
    await c.ask(`MAIL FROM:<${sender}>`, '250 ')
    await c.ask('RSET', '250 ')
  }
  await c.ask('MAIL FROM:<alice@example.org>', '250 ')
  await c.ask('RCPT TO:<x@elsewhere.example>', '250 2.1.5')
  await c.ask('RCPT TO:<bob@example.org>', '250 ')
})

test('sign-in that cannot be checked now is temporary', async () => {
  const signIn = passwordsOnly(() => Promise.reject(new Fault('unavailable', 'busy', {})))
  await using s = await TestServer.start({ deps: { signIn } })
  const c = await s.secured('submission')
  await c.ask(`AUTH PLAIN ${right}`, '454 4.7.0')
})

test('a client that leaves inside the exchange', async () => {
  await using s = await TestServer.start()
  const c = await s.secured('submission')
  await c.ask('AUTH PLAIN', '334 ')
  c.end()
  await s.done
  assert.equal(s.heard('smtp.error').length, 0)
})

test('SCRAM-SHA-256: the server proves itself too, and the client may stop then', async () => {
  const keys = deriveScramKeys(Buffer.from('secret'), Buffer.alloc(16, 7), 4096)
  const signIn = keysOnly(keys, userAccess(1, 'alice@example.org'))
  const mechanisms = new SaslMechanisms(settingsWith({ scramKeys: true }))
  await using s = await TestServer.start({ deps: { signIn, mechanisms } })
  const start = async (password: string, header = 'n,,') => {
    const c = await s.secured('submission')
    const client = scramClient({ name: 'alice@example.org', password, header })
    const line = await c.ask(`AUTH SCRAM-SHA-256 ${base64(client.first)}`, '334 ')
    return { c, ...client.answer(Buffer.from(String(line).slice(4), 'base64').toString()) }
  }
  const right = await start('secret')
  await right.c.ask(base64(right.final), `334 ${base64(right.expected)}`)
  await right.c.ask('', '235 2.7.0')
  const stopped = await start('secret')
  await stopped.c.ask(base64(stopped.final), '334 ')
  await stopped.c.ask('*', '501 5.7.0')
  await stopped.c.ask('MAIL FROM:<alice@example.org>', '530 ')
  const wrongOne = await start('another')
  await wrongOne.c.ask(base64(wrongOne.final), '535 5.7.8')
  const c = await s.secured('submission')
  await c.ask(`AUTH SCRAM-SHA-256-PLUS ${base64('n,,n=alice@example.org,r=abc')}`, /^50[14] /)
})
