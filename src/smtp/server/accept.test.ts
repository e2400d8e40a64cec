import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fault } from '#base/fault.ts'
import type { AccountId } from '#base/id.ts'
import { blobLinkTable } from '#kv/blob-rows.ts'
import type { Db } from '#kv/db.ts'
import { taskTable } from '#kv/task-rows.ts'
import type { WriteTx } from '#kv/tx.ts'
import { quotaUsage } from '#mail/mailbox.ts'
import { queuedMessageTable, queuedRecipientTable } from '#queue/tables.ts'
import { silentTelemetry } from '#telemetry/telemetry.ts'
import { Acceptor } from './accept.ts'
import { type ChunkPayload, deliverChunkTask } from './chunk.ts'
import { noQuotas } from '#account/tables.ts'
import { limitsOf, TestServer } from './fixture.test.ts'
import type { Account } from '#account/account.ts'

const hello = 'EHLO client.example\r\n'
const rcpt = (...names: readonly string[]): string =>
  names.map((name) => `RCPT TO:<${name}@example.org>\r\n`).join('')
const message = 'A: b\r\n\r\nsome text\r\n'
const send = (...names: readonly string[]): string =>
  `${hello}MAIL FROM:<me@client.example>\r\n${rcpt(...names)}DATA\r\n${message}.\r\nQUIT\r\n`
const lmtp = (text: string): string => text.replace('EHLO', 'LHLO')
const replies = (heard: string): string[] =>
  heard
    .split('\r\n')
    .filter((line) => /^\d{3} /.test(line))
    .map((line) => line.slice(0, 9))

test('a full mailbox is refused at RCPT', async () => {
  await using s = await TestServer.start({ accounts: { full: 500 } })
  assert.equal(replies(await s.talk('smtp', send('full'))).at(-2), '250 2.0.0')
  const large = send('full').replace('client.example>', 'client.example> SIZE=400')
  assert.deepEqual(replies(await s.talk('smtp', large)).slice(3, 5), ['452 4.2.2', '503 5.5.1'])
  assert.deepEqual(await s.bodies('full'), [message])
})

test('room that is gone since RCPT: alone it is 452, with others the message is delivered all the same', async () => {
  await using s = await TestServer.start({ accounts: { small: 10 } })
  assert.deepEqual(replies(await s.talk('smtp', send('small'))).at(-2), '452 4.2.2')
  assert.deepEqual(await s.bodies('small'), [])
  assert.deepEqual(replies(await s.talk('smtp', send('small', 'bob'))).at(-2), '250 2.0.0')
  assert.deepEqual(await s.bodies('small'), [message])
  assert.deepEqual(await s.bodies('bob'), [message])
})

test('LMTP: one reply for each recipient, in order, also for repeated ones', async () => {
  await using s = await TestServer.start({ accounts: { small: 10 } })
  const heard = await s.talk('lmtp', lmtp(send('alice', 'nobody', 'small', 'bob', 'alice')))
  assert.deepEqual(replies(heard).slice(3), [
    '250 2.1.5',
    '550 5.1.1',
    '250 2.1.5',
    '250 2.1.5',
    '250 2.1.5',
    '354 Start',
    '250 2.0.0',
    '452 4.2.2',
    '250 2.0.0',
    '250 2.0.0',
    '221 2.0.0',
  ])
  assert.equal((await s.bodies('alice')).length, 1)
  assert.deepEqual(await s.bodies('small'), [])
  assert.match(
    (await s.messages('bob'))[0]!,
    /^Return-Path: <me@client\.example>\r\nDelivered-To: bob@example\.org\r\n[^]*with LMTP id/,
  )
})

test('LMTP: HELO and EHLO are unknown, DATA without recipients is 503, a refused message is refused for each', async () => {
  await using s = await TestServer.start()
  const c = s.open('lmtp')
  await c.expect('220 mx.example.org LMTP')
  await c.ask('EHLO a', '500 ')
  await c.ask('HELO a', '500 ')
  c.send('LHLO a')
  await c.until('250 ')
  await c.ask('MAIL FROM:<>', '250 ')
  await c.ask('DATA', '503 ')
  await c.ask('RCPT TO:<alice@example.org>', '250 ')
  await c.ask('RCPT TO:<bob@example.org>', '250 ')
  await c.ask('DATA', '354 ')
  c.sendRaw('bare\n\r\n.\r\nNOOP\r\n')
  await c.expectLines(['554 5.6.0', '554 5.6.0', '250 2.0.0'])
  c.sendRaw(
    'MAIL FROM:<>\r\nRCPT TO:<alice@example.org>\r\nRCPT TO:<bob@example.org>\r\nBDAT 6\r\nA: b\r\nBDAT 2 LAST\r\n\r\n',
  )
  await c.expectLines([
    '250 ',
    '250 ',
    '250 ',
    '250 2.0.0 6 octets',
    '250 2.0.0 Message',
    '250 2.0.0 Message',
  ])
})

test('addresses of one account share a copy, details have their own', async () => {
  await using s = await TestServer.start()
  await s.talk('smtp', send('alice', 'ALICE', 'alice+one', 'alice+two'))
  const delivered = (await s.messages('alice')).map((text) => /Delivered-To: (.*)\r/.exec(text)![1])
  assert.deepEqual(delivered, ['alice@example.org', 'alice+one@example.org', 'alice+two@example.org'])
})

test('an account that is gone since RCPT: nobody gets it now', async () => {
  await using s = await TestServer.start()
  s.accounts.set('ghost', { ...s.accounts.get('alice')!, id: 99 as AccountId, name: 'ghost@example.org' })
  assert.deepEqual(replies(await s.talk('smtp', send('alice', 'ghost'))).at(-2), '452 4.3.1')
  assert.deepEqual(await s.bodies('alice'), [])
  assert.deepEqual(replies(await s.talk('smtp', send('ghost'))).at(-2), '550 5.1.1')
  const each = replies(await s.talk('lmtp', lmtp(send('alice', 'ghost'))))
  assert.deepEqual(each.slice(-3), ['250 2.0.0', '550 5.1.1', '221 2.0.0'])
  assert.equal((await s.bodies('alice')).length, 1)
})

test('a commit that fails is 452 and the transaction is over', async () => {
  await using s = await TestServer.start({
    deps: {
      acceptor: {
        accept: () => Promise.reject(new Fault('unavailable', 'disk full', {})),
        hasRoom: () => Promise.resolve(true),
      },
    },
  })
  const heard = await s.talk('smtp', send('alice').replace('QUIT', 'DATA\r\nQUIT'))
  assert.deepEqual(replies(heard).slice(-3), ['452 4.3.1', '503 5.5.1', '221 2.0.0'])
})

test('the reply leaves after the commit', async () => {
  let release: (() => void) | undefined
  await using s = await TestServer.start()
  const held: Db = {
    read: (body) => s.db.read(body),
    write: async (accounts, body, o) => {
      await new Promise<void>((resolve) => {
        release = resolve
      })
      return s.db.write(accounts, body, o)
    },
  }
  await using t = await TestServer.start({
    deps: { acceptor: new Acceptor(held, limitsOf, s.outlet), blobs: s.blobs },
  })
  const c = await t.greeted()
  c.sendRaw(`MAIL FROM:<>\r\n${rcpt('alice')}DATA\r\n`)
  await c.expectLines(['250 ', '250 ', '354 '])
  let heard = ''
  c.stream.on('data', (chunk: Buffer) => (heard += chunk.toString()))
  c.sendRaw(`${message}.\r\n`)
  while (release === undefined) await new Promise(setImmediate)
  for (let i = 0; i < 20; i++) await new Promise(setImmediate)
  assert.equal(heard, '')
  release()
  await c.expect('250 ')
  assert.deepEqual(await s.bodies('alice'), [message])
})

interface Fan {
  readonly server: TestServer
  readonly names: readonly string[]
}

async function fan(count: number): Promise<Fan> {
  const names = Array.from({ length: count }, (_, i) => `user${i}`)
  const server = await TestServer.start({ accounts: Object.fromEntries(names.map((name) => [name, 0])) })
  return { server, names }
}

/** Runs the tasks that are due, each twice as after a crash; a task that was done is gone. */
async function runTasks(s: TestServer): Promise<number> {
  const kind = deliverChunkTask({ blobs: s.blobs, telemetry: silentTelemetry })
  const rows = await s.db.read((tx) => tx.list(taskTable, []))
  for (const [key, row] of rows) {
    assert.equal(row.task, kind.name)
    const done = async (tx: WriteTx): Promise<void> => tx.delete(taskTable, key)
    await kind.run(row.payload as ChunkPayload, { db: s.db, signal: new AbortController().signal, done })
  }
  return rows.length
}

test('up to 16 accounts have it with the reply; more have it from tasks of that commit', async () => {
  const few = await fan(16)
  await using s = few.server
  await s.talk('smtp', send(...few.names))
  for (const name of few.names) assert.deepEqual(await s.bodies(name), [message])

  const many = await fan(40)
  await using t = many.server
  assert.deepEqual(replies(await t.talk('smtp', send(...many.names))).at(-2), '250 2.0.0')
  assert.deepEqual(await t.bodies('user0'), [])
  assert.equal((await t.db.read((tx) => tx.list(blobLinkTable, []))).length, 3)
  assert.equal(await runTasks(t), 3)
  for (const name of many.names) assert.deepEqual(await t.bodies(name), [message])
  assert.match(
    (await t.messages('user39'))[0]!,
    /^Return-Path: <me@client\.example>\r\nDelivered-To: user39@example\.org\r\nReceived: /,
  )
  assert.equal(await runTasks(t), 0)
  assert.equal((await t.db.read((tx) => tx.list(blobLinkTable, []))).length, 40)
})

test('room in a mailbox', async () => {
  await using s = await TestServer.start({ accounts: { some: 1000 } })
  const acceptor = new Acceptor(s.db, limitsOf, s.outlet)
  const account = s.accounts.get('some') as Account
  const withQuota = (diskBytes: number): Account => ({ ...account, quotas: { ...noQuotas, diskBytes } })
  await s.talk('smtp', send('some'))
  const { usedBytes } = await s.db.read((tx) => quotaUsage(tx, account.id))
  assert.ok(usedBytes > message.length)
  assert.equal(await acceptor.hasRoom(account, 1000 - usedBytes), true)
  assert.equal(await acceptor.hasRoom(account, 1001 - usedBytes), false)
  assert.equal(await acceptor.hasRoom(withQuota(usedBytes), 0), false)
  assert.equal(await acceptor.hasRoom(withQuota(usedBytes + 1), 0), true)
})

test('room that is gone since RCPT: nobody is told of a failure when others have the message from the queue', async () => {
  const lists = { all: { recipients: ['dave@elsewhere.example'] } }
  await using s = await TestServer.start({ accounts: { small: 10 }, lists })
  assert.deepEqual(replies(await s.talk('smtp', send('small', 'all'))).at(-2), '250 2.0.0')
  assert.deepEqual(await s.bodies('small'), [message])
  assert.equal((await s.db.read((tx) => tx.list(queuedRecipientTable, []))).length, 1)
})

test('RFC 3461 §4.1: no success is told of a message that was refused', async () => {
  await using s = await TestServer.start({ accounts: { small: 10 } })
  const waiting = async () => (await s.db.read((tx) => tx.list(queuedMessageTable, []))).length
  const c = await s.secured('submission')
  await c.ask(`AUTH PLAIN ${Buffer.from('\0alice\0secret').toString('base64')}`, '235 ')
  for (const [name, said, count] of [
    ['small', '452 4.2.2', 0],
    ['bob', '250 2.0.0', 1],
  ] as const) {
    await c.ask('MAIL FROM:<alice@example.org>', '250 ')
    await c.ask(`RCPT TO:<${name}@example.org> NOTIFY=SUCCESS`, '250 ')
    await c.ask('DATA', '354 ')
    await c.ask('From: alice@example.org\r\n\r\nsome text\r\n.', said)
    assert.equal(await waiting(), count)
  }
})

test('RFC 4865 §3: the time for attempts begins when a message that was held is released', async () => {
  await using s = await TestServer.start()
  const c = await s.secured('submission')
  await c.ask(`AUTH PLAIN ${Buffer.from('\0alice\0secret').toString('base64')}`, '235 ')
  const lifetimes: number[] = []
  for (const hold of ['', ' HOLDFOR=86400']) {
    await c.ask(`MAIL FROM:<alice@example.org>${hold}`, '250 ')
    await c.ask('RCPT TO:<dave@elsewhere.example>', '250 ')
    await c.ask('DATA', '354 ')
    await c.ask('From: alice@example.org\r\n\r\nsome text\r\n.', '250 ')
    const [, { dueAt, expiresAt }] = (await s.db.read((tx) => tx.list(queuedRecipientTable, []))).at(-1)!
    lifetimes.push(expiresAt - dueAt)
  }
  assert.equal(lifetimes[1], lifetimes[0])
})

test('RFC 6531 §3.2: a message needs SMTPUTF8 on its way where its header does, not where its text does', async () => {
  await using s = await TestServer.start()
  const c = await s.secured('submission')
  await c.ask(`AUTH PLAIN ${Buffer.from('\0alice\0secret').toString('base64')}`, '235 ')
  const needs: unknown[] = []
  for (const [subject, text] of [
    ['plain', 'caf\xe9'],
    ['caf\xc3\xa9', 'plain'],
    ['plain', 'plain'],
  ] as const) {
    await c.ask('MAIL FROM:<alice@example.org> BODY=8BITMIME SMTPUTF8', '250 ')
    await c.ask('RCPT TO:<dave@elsewhere.example>', '250 ')
    await c.ask('DATA', '354 ')
    c.sendRaw(Buffer.from(`From: alice@example.org\r\nSubject: ${subject}\r\n\r\n${text}\r\n.\r\n`, 'latin1'))
    await c.expect('250 ')
    const [, row] = (await s.db.read((tx) => tx.list(queuedMessageTable, []))).at(-1)!
    needs.push([row.is8bit, row.needsUtf8])
  }
  assert.deepEqual(needs, [
    [true, false],
    [true, true],
    [false, false],
  ])
})
