import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ListRow } from '#account/tables.ts'
import type { Conversation } from '../../../../test/harness/conversation.ts'
import { TestServer } from '../fixture.test.ts'

const both = ['alice@example.org', 'bob@example.org']
const list = (row: Partial<ListRow>): { lists: Record<string, Partial<ListRow>> } => ({
  lists: { all: { recipients: both, ...row } },
})
const body = 'Subject: hello\r\n\r\nall\r\n'

async function signIn(c: Conversation, name: string): Promise<void> {
  const text = Buffer.from(`\0${name}@example.org\0secret`).toString('base64')
  await c.ask(`AUTH PLAIN ${text}`, '235 ')
}

async function post(c: Conversation, from: string, answer: string): Promise<void> {
  await c.ask(`MAIL FROM:<${from}>`, '250 ')
  await c.ask('RCPT TO:<all@example.org>', answer)
  if (answer.startsWith('250')) {
    await c.ask('DATA', '354 ')
    c.sendRaw(`${body}.\r\n`)
    await c.expect('250 ')
  } else await c.ask('RSET', '250 ')
}

test('what is sent to a list gets to each on it once, also where somebody is named besides', async () => {
  await using s = await TestServer.start(list({}))
  const c = await s.greeted()
  await c.ask('MAIL FROM:<x@example.net>', '250 ')
  await c.ask('RCPT TO:<all@example.org>', '250 ')
  await c.ask('RCPT TO:<alice@example.org>', '250 ')
  await c.ask('DATA', '354 ')
  c.sendRaw(`${body}.\r\n`)
  await c.expect('250 ')
  assert.deepEqual(await s.bodies('alice'), [body])
  assert.deepEqual(await s.bodies('bob'), [body])
  assert.deepEqual(await s.bodies('postmaster'), [])
})

test('LMTP has one reply for a list', async () => {
  await using s = await TestServer.start(list({}))
  const c = await s.greeted('lmtp')
  c.send('MAIL FROM:<x@example.net>', 'RCPT TO:<all@example.org>', 'RCPT TO:<bob@example.org>', 'DATA')
  await c.expectLines(['250 ', '250 ', '250 ', '354 '])
  c.sendRaw(`${body}.\r\n`)
  await c.expectLines(['250 ', '250 '])
  await c.ask('NOOP', '250 ')
  assert.deepEqual(await s.bodies('bob'), [body])
})

test('a full mailbox on a list does not stop the others, and still gets its copy', async () => {
  await using s = await TestServer.start({ ...list({}), accounts: { bob: 1 } })
  await post(await s.greeted(), 'x@example.net', '250 ')
  assert.equal((await s.bodies('alice')).length, 1)
  assert.equal((await s.bodies('bob')).length, 1)
})

test('a list that is empty says so', async () => {
  await using s = await TestServer.start(list({ recipients: [] }))
  await post(await s.greeted(), 'x@example.net', '550 5.2.4')
})

test('only members may send: who signed in, and not who merely says so', async () => {
  await using s = await TestServer.start(list({ posting: 'members', posters: ['boss@example.net'] }))
  const stranger = await s.greeted()
  await post(stranger, 'alice@example.org', '550 5.7.2')
  await post(stranger, 'x@example.net', '550 5.7.2')
  await post(stranger, '', '550 5.7.2')
  await post(stranger, 'BOSS@example.net', '250 ')
  const c = await s.secured()
  await signIn(c, 'alice')
  await post(c, 'alice@example.org', '250 ')
  const other = await s.secured()
  await signIn(other, 'postmaster')
  await post(other, 'postmaster@example.org', '550 5.7.2')
})

test('only who has an account may send', async () => {
  await using s = await TestServer.start(list({ posting: 'local' }))
  await post(await s.greeted(), 'alice@example.org', '550 5.7.2')
  const c = await s.secured()
  await signIn(c, 'postmaster')
  await post(c, 'postmaster@example.org', '250 ')
  await post(await s.greeted('lmtp'), 'x@example.net', '250 ')
})
