/** The conversations of RFC 8621, with our ids: what is told of each step, and what a client makes of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MailboxId } from '#base/id.ts'
import { inboxId } from '#mail/mailbox.ts'
import { mailboxObjectId } from '#mail/object-id.ts'
import { readBlob } from './blob-fixture.test.ts'
import { account, createdAt } from '../../test/harness/memory-accounts.ts'
import { accountId, JmapTestServer } from './fixture.test.ts'
import type { JsonObject } from './value.ts'

const inbox = mailboxObjectId(inboxId, '')
const drafts = mailboxObjectId(2 as MailboxId, '')

const reference = (resultOf: string, name: string, path: string) => ({ resultOf, name, path })

/** The responses of a request, by their place. */
async function ask(
  server: JmapTestServer,
  ...calls: readonly (readonly [string, object, string])[]
): Promise<readonly JsonObject[]> {
  const { answers } = await server.request(
    calls.map(([name, args, id]) => [name, { accountId, ...args }, id]),
  )
  assert.deepEqual(
    answers.map(([name, , id]) => [name, id]),
    calls.map(([name, , id]) => [name, id]),
    JSON.stringify(answers),
  )
  return answers.map(([, args]) => args)
}

async function deliver(server: JmapTestServer, n: number, subject: string, more = ''): Promise<void> {
  await server.deliver(
    `From: "Jane Doe" <jdoe@example.com>\nSubject: ${subject}\nMessage-ID: <${n}@example.com>\n${more}\nText ${n}.\n`,
    { receivedAt: createdAt + n * 1000 },
  )
}

test('RFC 8621 §2.6: mailboxes, what changed in them, and changes of them', async () => {
  const server = await JmapTestServer.start()
  await deliver(server, 1, 'one')
  const [all] = await ask(server, ['Mailbox/get', { ids: null }, '0'])
  await server.call('Email/set', { update: { M1: { 'keywords/$seen': true } } })
  const [changes, created, updated] = await ask(
    server,
    ['Mailbox/changes', { sinceState: all!['state'] }, '0'],
    ['Mailbox/get', { '#ids': reference('0', 'Mailbox/changes', '/created') }, '1'],
    [
      'Mailbox/get',
      {
        '#ids': reference('0', 'Mailbox/changes', '/updated'),
        '#properties': reference('0', 'Mailbox/changes', '/updatedProperties'),
      },
      '2',
    ],
  )
  assert.deepEqual(
    [changes!['oldState'], changes!['hasMoreChanges'], changes!['updated'], changes!['updatedProperties']],
    [all!['state'], false, [inbox], ['totalEmails', 'unreadEmails', 'totalThreads', 'unreadThreads']],
  )
  assert.deepEqual([created!['list'], created!['notFound']], [[], []])
  assert.deepEqual(updated!['list'], [
    { id: inbox, totalEmails: 1, unreadEmails: 0, totalThreads: 1, unreadThreads: 0 },
  ])
  const [set] = await ask(server, [
    'Mailbox/set',
    { ifInState: changes!['newState'], update: { F6: { name: 'Maybe important mail' } }, destroy: [inbox] },
    '0',
  ])
  assert.deepEqual(
    [set!['oldState'], set!['updated'], set!['destroyed']],
    [changes!['newState'], { F6: null }, null],
  )
  assert.equal(((set!['notDestroyed'] as JsonObject)[inbox] as JsonObject)['type'], 'forbidden')
})

test('RFC 8621 §4.10: the first screen in one request, then only what has changed', async () => {
  const server = await JmapTestServer.start()
  await deliver(server, 1, 'The Big Reveal')
  await deliver(server, 2, 'Lunch')
  await deliver(server, 3, 'Re: The Big Reveal', 'In-Reply-To: <1@example.com>\n')
  await server.call('Email/set', { update: { M3: { keywords: { $seen: true } } } })
  const query = {
    filter: { inMailbox: inbox },
    sort: [{ property: 'receivedAt', isAscending: false }],
    collapseThreads: true,
    calculateTotal: true,
  }
  const [found, , threads, emails] = await ask(
    server,
    ['Email/query', { ...query, position: 0, limit: 30 }, '0'],
    ['Email/get', { '#ids': reference('0', 'Email/query', '/ids'), properties: ['threadId'] }, '1'],
    ['Thread/get', { '#ids': reference('1', 'Email/get', '/list/*/threadId') }, '2'],
    [
      'Email/get',
      {
        '#ids': reference('2', 'Thread/get', '/list/*/emailIds'),
        properties: ['threadId', 'keywords', 'from', 'subject'],
      },
      '3',
    ],
  )
  assert.deepEqual([found!['ids'], found!['total'], found!['position']], [['M3', 'M2'], 2, 0])
  assert.deepEqual(threads!['list'], [
    { id: 'T1', emailIds: ['M1', 'M3'] },
    { id: 'T2', emailIds: ['M2'] },
  ])
  const list = emails!['list'] as JsonObject[]
  assert.deepEqual(
    list.map(({ id }) => id),
    ['M1', 'M3', 'M2'],
  )
  assert.deepEqual(list[1], {
    id: 'M3',
    threadId: 'T1',
    keywords: { $seen: true },
    from: [{ name: 'Jane Doe', email: 'jdoe@example.com' }],
    subject: 'Re: The Big Reveal',
  })
  // On another device.
  const [set] = await ask(server, ['Email/set', { update: { M3: { 'keywords/$seen': null } } }, '0'])
  assert.deepEqual(set!['updated'], { M3: null })
  await ask(server, ['Email/set', { destroy: ['M2'] }, '0'])
  await deliver(server, 4, 'News')
  const [changes, queryChanges] = await ask(
    server,
    ['Email/changes', { sinceState: emails!['state'], maxChanges: 50 }, '3'],
    [
      'Email/queryChanges',
      { ...query, sinceQueryState: found!['queryState'], upToId: 'M2', maxChanges: 25 },
      '11',
    ],
  )
  assert.deepEqual(
    [changes!['created'], changes!['updated'], changes!['destroyed'], changes!['hasMoreChanges']],
    [['M4'], ['M3'], ['M2'], false],
  )
  const removed = new Set(queryChanges!['removed'] as string[])
  const spliced = (found!['ids'] as string[]).filter((id) => !removed.has(id))
  for (const { id, index } of queryChanges!['added'] as { id: string; index: number }[])
    spliced.splice(index, 0, id)
  assert.deepEqual([spliced, queryChanges!['total']], [['M4', 'M3'], 2])
})

test('RFC 8621 §4.10: a draft, a newer one in its place, and its move to another account', async () => {
  const server = await JmapTestServer.start()
  await server.add(9, 'group@example.org')
  await server.share(inboxId, account, 'lrswi', 9 as typeof account)
  const about = {
    mailboxIds: { [drafts]: true },
    keywords: { $seen: true, $draft: true },
    from: [{ name: 'Joe Bloggs', email: 'joe@example.com' }],
    subject: 'World domination',
    receivedAt: '2018-07-10T01:03:11Z',
    sentAt: '2018-07-10T11:03:11+10:00',
  }
  const text = 'I have the most brilliant plan.  Let me tell you all about it.  What we do is, we'
  const [first] = await ask(server, [
    'Email/set',
    {
      create: {
        k192: {
          ...about,
          bodyStructure: { type: 'text/plain', partId: 'bd48', 'header:Content-Language': 'en' },
          bodyValues: { bd48: { value: text, isTruncated: false } },
        },
      },
    },
    '0',
  ])
  const { id, blobId } = (first!['created'] as { k192: JsonObject }).k192
  const blob = await readBlob(server, blobId as string, { properties: ['data:asText'] })
  const source = blob!['data:asText'] as string
  for (const field of [
    /^Date: Tue, 10 Jul 2018 11:03:11 \+1000\r$/m,
    /^From: "?Joe Bloggs"? <joe@example\.com>\r$/m,
    /^Subject: World domination\r$/m,
    /^Content-Language: ?en\r$/m,
    /^Message-ID: <.+>\r$/m,
  ])
    assert.match(source, field)
  const [second] = await ask(server, [
    'Email/set',
    {
      create: {
        k1546: {
          ...about,
          to: [{ name: 'John', email: 'john@example.com' }],
          bodyStructure: {
            type: 'multipart/alternative',
            subParts: [
              { partId: 'a49d', type: 'text/html', 'header:Content-Language': 'en' },
              { partId: 'bd48', type: 'text/plain', 'header:Content-Language': 'en' },
            ],
          },
          bodyValues: {
            bd48: { value: text, isTruncated: false },
            a49d: { value: `<html><body><div>${text}</div></body></html>`, isTruncated: false },
          },
        },
      },
      destroy: [id],
    },
    '0',
  ])
  assert.deepEqual(second!['destroyed'], [id])
  const newer = (second!['created'] as { k1546: JsonObject }).k1546
  const [shown] = await ask(server, [
    'Email/get',
    { ids: [newer['id']], properties: ['textBody', 'htmlBody', 'to'], bodyProperties: ['type', 'language'] },
    '0',
  ])
  assert.deepEqual((shown!['list'] as JsonObject[])[0], {
    id: newer['id'],
    textBody: [{ type: 'text/plain', language: ['en'] }],
    htmlBody: [{ type: 'text/html', language: ['en'] }],
    to: [{ name: 'John', email: 'john@example.com' }],
  })
  const { answers } = await server.request([
    [
      'Email/copy',
      {
        fromAccountId: accountId,
        accountId: 'A9',
        create: { k45: { id: newer['id'], mailboxIds: { F9_1: true } } },
        onSuccessDestroyOriginal: true,
      },
      '0',
    ],
  ])
  assert.deepEqual(
    answers.map(([name, args, callId]) => [name, args['accountId'], callId]),
    [
      ['Email/copy', 'A9', '0'],
      ['Email/set', accountId, '0'],
    ],
  )
  const copied = (answers[0]![1]['created'] as { k45: JsonObject }).k45
  assert.equal(copied['size'], newer['size'])
  assert.equal(answers[0]![1]['notCreated'], null)
  assert.deepEqual(answers[1]![1]['destroyed'], [newer['id']])
})
