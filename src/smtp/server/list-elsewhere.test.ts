import assert from 'node:assert/strict'
import { test } from 'node:test'
import { queuedMessageTable, queuedRecipientTable } from '#queue/tables.ts'
import { TestServer, type TestServerOptions } from './fixture.test.ts'

const list = { recipients: ['alice@example.org', 'dave@elsewhere.example', 'erin@elsewhere.example'] }

const send = (from: string, ...to: readonly string[]): string =>
  [
    'EHLO client.example',
    `MAIL FROM:<${from}>`,
    ...to.map((one) => `RCPT TO:<${one}>`),
    'DATA',
    'A: b\r\n\r\ntext\r\n.',
    'QUIT\r\n',
  ].join('\r\n')

async function queued(o: TestServerOptions, from: string, ...to: readonly string[]) {
  await using s = await TestServer.start(o)
  assert.match(await s.talk('smtp', send(from, ...to)), /\r\n250 2\.0\.0 /)
  const messages = await s.db.read((tx) => tx.list(queuedMessageTable, []))
  const recipients = await s.db.read((tx) => tx.list(queuedRecipientTable, []))
  return {
    here: await s.bodies('alice'),
    there: messages.map(([[id], message]) => ({
      from: message.from,
      to: recipients.filter(([[of]]) => of === id).map(([, { address }]) => address),
    })),
  }
}

test('members of a list on other servers get it by way of the queue, and its owner hears of failures', async () => {
  const { here, there } = await queued({ lists: { all: list } }, 'me@client.example', 'all@example.org')
  assert.deepEqual(here, ['A: b\r\n\r\ntext\r\n'])
  const to = ['dave@elsewhere.example', 'erin@elsewhere.example']
  assert.deepEqual(there, [{ from: 'postmaster@example.org', to }])
  const owned = { all: { ...list, owner: 'carol@example.org' } }
  const other = await queued({ lists: owned }, 'me@client.example', 'all@example.org')
  assert.deepEqual(other.there, [{ from: 'carol@example.org', to }])
})

test('lists of different owners leave as messages of their own, and nobody gets two', async () => {
  const lists = {
    all: list,
    few: { recipients: ['erin@elsewhere.example', 'frank@third.example'], owner: 'x@example.org' },
  }
  const { there } = await queued({ lists }, 'me@client.example', 'all@example.org', 'few@example.org')
  assert.deepEqual(there, [
    { from: 'postmaster@example.org', to: ['dave@elsewhere.example', 'erin@elsewhere.example'] },
    { from: 'x@example.org', to: ['frank@third.example'] },
  ])
})

// Turns red where the log does not say which message that came in waits under which id of the queue.
test('the log follows a message from its session into the queue', async () => {
  await using s = await TestServer.start({ lists: { all: list } })
  await s.talk('smtp', send('me@client.example', 'all@example.org'))
  const [received] = s.heard('smtp.message-received')
  assert.deepEqual([received!['to'], received!['recipients']], [['all@example.org'], 1])
  const waiting = s.heard('queue.message-queued')
  assert.deepEqual(
    waiting.map(({ id, to }) => [id, to]),
    [[received!['id'], ['dave@elsewhere.example', 'erin@elsewhere.example']]],
  )
})

test('a notification that goes through a list stays one', async () => {
  const { there } = await queued({ lists: { all: list } }, '', 'all@example.org')
  assert.equal(there[0]!.from, '')
})

test('a list of nobody but members elsewhere takes mail', async () => {
  const lists = { all: { recipients: ['dave@elsewhere.example'] } }
  const { here, there } = await queued({ lists }, 'me@client.example', 'all@example.org')
  assert.deepEqual([here, there.length], [[], 1])
})
