import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MailboxId } from '#base/id.ts'
import { inboxId } from '#mail/mailbox.ts'
import { emailObjectId, mailboxObjectId } from '#mail/object-id.ts'
import { countStaged, readBlob, uploaded } from '../blob-fixture.test.ts'
import { account } from '../../../test/harness/memory-accounts.ts'
import { accountId, JmapTestServer } from '../fixture.test.ts'
import type { JsonObject } from '../value.ts'

const inbox = mailboxObjectId(inboxId, '')
const archive = mailboxObjectId(6 as MailboxId, '')
const mailboxIds = { [inbox]: true }
const letter =
  'Received: by b; Thu, 1 Jan 2026 02:00:00 +0000\r\nReceived: by a; Thu, 1 Jan 2026 01:00:00 +0000\r\nSubject: x\r\n\r\nbody\r\n'

const get = async (server: JmapTestServer, id: unknown): Promise<JsonObject> =>
  ((await server.call('Email/get', { ids: [id as string] }))['list'] as JsonObject[])[0]!

const run = async (server: JmapTestServer, email: JsonObject): Promise<JsonObject> => {
  const { created, notCreated } = await server.call('Email/import', { emails: { k: email } })
  assert.deepEqual([created, notCreated].filter((one) => one !== null).length, 1)
  return ((created ?? notCreated) as { k: JsonObject }).k
}

test('RFC 8621 §4.8: bytes become a message as they are', async () => {
  const server = await JmapTestServer.start()
  const blobId = await uploaded(server, letter)
  const before = (await server.call('Email/get', { ids: [] }))['state']
  const { created, notCreated, oldState, newState } = await server.call('Email/import', {
    ifInState: before,
    emails: {
      a: { blobId, mailboxIds: { [inbox]: true, [archive]: true }, keywords: { $Seen: true, X: true } },
      b: { blobId, mailboxIds, receivedAt: '2020-01-01T00:00:00Z' },
    },
  })
  assert.deepEqual([notCreated, oldState], [null, before])
  assert.equal((await server.call('Email/get', { ids: [] }))['state'], newState)
  const { a, b } = created as { a: JsonObject; b: JsonObject }
  assert.notEqual(a['id'], b['id'], 'duplicates are messages of their own')
  assert.deepEqual(Object.keys(a).sort(), ['blobId', 'id', 'size', 'threadId'])
  const [first, second] = [await get(server, a['id']), await get(server, b['id'])]
  assert.deepEqual(first['mailboxIds'], { [inbox]: true, [archive]: true })
  assert.deepEqual(first['keywords'], { $seen: true, x: true })
  assert.equal(first['receivedAt'], '2026-01-01T02:00:00Z', 'that of the most recent Received field')
  assert.equal(second['receivedAt'], '2020-01-01T00:00:00Z')
  const blob = await readBlob(server, a['blobId'] as string, { properties: ['data:asText', 'size'] })
  assert.deepEqual([blob!['data:asText'], blob!['size']], [letter, a['size']])
  assert.equal(
    (
      await get(
        server,
        (await run(server, { blobId: await uploaded(server, 'A: b\r\n\r\n'), mailboxIds }))['id'],
      )
    )['receivedAt'],
    '2026-01-01T00:01:00Z',
  )
})

test('RFC 8621 §4.8: what is wrong is told of each', async () => {
  const server = await JmapTestServer.start()
  const blobId = await uploaded(server, letter)
  const table: readonly (readonly [JsonObject, string])[] = [
    [{ mailboxIds }, 'blobId'],
    [{ blobId: 5, mailboxIds }, 'blobId'],
    [{ blobId: `U${'ab'.repeat(32)}`, mailboxIds }, 'blobId'],
    [{ blobId }, 'mailboxIds'],
    [{ blobId, mailboxIds: {} }, 'mailboxIds'],
    [{ blobId, mailboxIds: { Fzz: true } }, 'mailboxIds'],
    [{ blobId, mailboxIds: { [inbox]: 1 } }, 'mailboxIds'],
    [{ blobId, mailboxIds, keywords: { 'a b': true } }, 'keywords'],
    [{ blobId, mailboxIds, keywords: ['a'] }, 'keywords'],
    [{ blobId, mailboxIds, receivedAt: 'now' }, 'receivedAt'],
    [{ blobId, mailboxIds, subject: 'x' }, 'subject'],
  ]
  for (const [email, property] of table) {
    const error = await run(server, email)
    assert.deepEqual([error['type'], (error['properties'] as string[])[0]], ['invalidProperties', property])
  }
  for (const text of ['', 'no field\r\n\r\nx', '\r\nbody'])
    assert.equal(
      (await run(server, { blobId: await uploaded(server, text), mailboxIds }))['type'],
      'invalidEmail',
    )
  server.limits = { bytes: 10, messages: 0, mailboxes: 0 }
  assert.equal((await run(server, { blobId, mailboxIds }))['type'], 'overQuota')
  assert.equal(await server.error('Email/import', { emails: {}, ifInState: 'zz' }), 'stateMismatch')
  assert.equal(await server.error('Email/import', { emails: { k: 5 } }), 'invalidArguments')
  assert.equal(await server.error('Email/import', {}), 'invalidArguments')
})

test('RFC 6532 §3: headers in UTF-8', async () => {
  const server = await JmapTestServer.start()
  const blobId = await uploaded(server, 'From: Jörg <jörg@exämple.de>\r\nSubject: Grüße\r\n\r\nx\r\n')
  const email = await get(server, (await run(server, { blobId, mailboxIds }))['id'])
  assert.deepEqual([email['subject'], email['from']], ['Grüße', [{ name: 'Jörg', email: 'jörg@exämple.de' }]])
})

test('RFC 8620 §5.3: what was imported is known by its creation id; a message in a message is imported too', async () => {
  const server = await JmapTestServer.start()
  const inner = 'Subject: inner\n\nhello\n'
  const { id } = await server.deliver(`Content-Type: message/rfc822\n\n${inner}`)
  const { attachments } = await get(server, emailObjectId(id, ''))
  const blobId = (attachments as JsonObject[])[0]!['blobId'] as string
  const { answers } = await server.request([
    ['Email/import', { accountId, emails: { k: { blobId, mailboxIds } } }, '0'],
    ['Email/get', { accountId, ids: ['#k'], properties: ['subject'] }, '1'],
  ])
  assert.equal((answers[1]![1]['list'] as JsonObject[])[0]!['subject'], 'inner')
})

test('RFC 9404 §4.1: a blob of the same request is named by its creation id', async () => {
  const server = await JmapTestServer.start()
  const { answers } = await server.request([
    ['Blob/upload', { accountId, create: { b: { data: [{ 'data:asText': letter }] } } }, '0'],
    ['Email/import', { accountId, emails: { k: { blobId: '#b', mailboxIds } } }, '1'],
    ['Email/get', { accountId, ids: ['#k'], properties: ['subject'] }, '2'],
  ])
  assert.equal((answers[2]![1]['list'] as JsonObject[])[0]?.['subject'], 'x')
})

test('RFC 8621 §2: only where one may add', async () => {
  const server = await JmapTestServer.start()
  const guest = await server.add(9, 'guest@example.org')
  const there = mailboxObjectId(6 as MailboxId, `${account.toString(36)}_`)
  await server.share(6 as MailboxId, guest.id, 'lr')
  const blobId = await uploaded(server, letter, { as: guest.name })
  const typeOf = async (): Promise<unknown> => {
    const args = { emails: { k: { blobId, mailboxIds: { [there]: true } } } }
    const { notCreated } = await server.call('Email/import', args, { as: guest.name })
    return (notCreated as { k: JsonObject } | null)?.k['type']
  }
  assert.equal(await server.error('Email/import', { emails: {} }, guest.name), 'accountReadOnly')
  await server.share(6 as MailboxId, guest.id, 'lrs')
  const mine = await server.call('Email/import', { emails: {} }, { as: guest.name })
  assert.equal(mine['created'], null)
  assert.equal(await typeOf(), 'forbidden')
  await server.share(6 as MailboxId, guest.id, 'lri')
  assert.equal(await typeOf(), undefined)
})

/** Turns red where a message is staged to its end before the quota is asked. */
test('RFC 8620 §5.3: what the quota has no room for does not fill the disk before it is refused', async () => {
  const server = await JmapTestServer.start()
  const blobId = await uploaded(server, `${letter}${'x'.repeat(100_000)}`)
  const staged = countStaged(server)
  server.limits = { bytes: 5000, messages: 0, mailboxes: 0 }
  assert.equal((await run(server, { blobId, mailboxIds }))['type'], 'overQuota')
  assert.ok(staged() <= 5000, `${staged()} bytes were staged`)
})
