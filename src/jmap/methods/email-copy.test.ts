import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MailboxId } from '#base/id.ts'
import { inboxId } from '#mail/mailbox.ts'
import { emailObjectId, mailboxObjectId } from '#mail/object-id.ts'
import { accountObjectId } from '../accounts.ts'
import { account, type Person } from '../../../test/harness/memory-accounts.ts'
import { accountId, JmapTestServer } from '../fixture.test.ts'
import type { JsonObject } from '../value.ts'

const archive = 6 as MailboxId
const prefix = `${account.toString(36)}_`
const inbox = mailboxObjectId(inboxId, '')

/** A guest who may read the archive of the first account, with a message in it. */
async function two(
  letters = 'lrte',
): Promise<{ server: JmapTestServer; guest: Person; own: string; id: string }> {
  const server = await JmapTestServer.start()
  const guest = await server.add(9, 'guest@example.org')
  await server.share(archive, guest.id, letters)
  const { id } = await server.deliver('Subject: x\nMessage-ID: <a@b>\n\nbody\n', {
    mailbox: archive,
    keywords: ['$seen', 'a'],
  })
  return { server, guest, own: accountObjectId(guest.id), id: emailObjectId(id, prefix) }
}

test('RFC 8621 §4.7: a message of another account becomes one here, with what is said of it', async () => {
  const { server, guest, own, id } = await two()
  const create = {
    a: { id, mailboxIds: { [inbox]: true } },
    b: { id, mailboxIds: { [inbox]: true }, keywords: { New: true }, receivedAt: '2020-01-01T00:00:00Z' },
  }
  const args = { accountId: own, fromAccountId: accountId, create }
  const {
    created,
    notCreated,
    fromAccountId,
    accountId: to,
    oldState,
    newState,
  } = await server.call('Email/copy', args, { as: guest.name })
  assert.deepEqual([notCreated, fromAccountId, to], [null, accountId, own])
  assert.notEqual(oldState, newState)
  const { a, b } = created as { a: JsonObject; b: JsonObject }
  assert.deepEqual(Object.keys(a).sort(), ['blobId', 'id', 'size', 'threadId'])
  const { list } = await server.call(
    'Email/get',
    {
      accountId: own,
      ids: [a['id'] as string, b['id'] as string],
      properties: ['subject', 'keywords', 'receivedAt', 'size', 'preview'],
    },
    { as: guest.name },
  )
  const same = { subject: 'x', size: a['size'], preview: 'body' }
  assert.deepEqual(list, [
    { id: a['id'], ...same, keywords: { $seen: true, a: true }, receivedAt: '2026-01-01T00:00:01Z' },
    { id: b['id'], ...same, keywords: { new: true }, receivedAt: '2020-01-01T00:00:00Z' },
  ])
})

test('RFC 8620 §5.4: originals are destroyed where that is asked for, in a call of its own', async () => {
  const { server, guest, own, id } = await two()
  const copy = (more: JsonObject, original = id) =>
    server.request(
      [
        [
          'Email/copy',
          {
            accountId: own,
            fromAccountId: accountId,
            create: { a: { id: original, mailboxIds: { [inbox]: true } } },
            onSuccessDestroyOriginal: true,
            ...more,
          },
          'c',
        ],
      ],
      { as: guest.name },
    )
  const refused = await copy({ destroyFromIfInState: 'zz' })
  assert.deepEqual(
    refused.answers.map(([name, args, callId]) => [name, args['type'], callId]),
    [
      ['Email/copy', undefined, 'c'],
      ['error', 'stateMismatch', 'c'],
    ],
  )
  const { answers } = await copy({})
  assert.deepEqual(
    answers.map(([name, , callId]) => [name, callId]),
    [
      ['Email/copy', 'c'],
      ['Email/set', 'c'],
    ],
  )
  assert.deepEqual([answers[1]![1]['accountId'], answers[1]![1]['destroyed']], [accountId, [id]])
  assert.equal((await copy({}, 'Mzz')).answers.length, 1, 'nothing was copied')
})

test('RFC 8620 §5.4: who may not call Email/set destroys no originals by copying either', async () => {
  const { server, guest, own, id } = await two()
  guest.permissions = ['jmapAuthenticate', 'jmapEmailCopy', 'jmapEmailGet']
  const create = { a: { id, mailboxIds: { [inbox]: true } } }
  const args = { accountId: own, fromAccountId: accountId, create, onSuccessDestroyOriginal: true }
  const { answers } = await server.request([['Email/copy', args, 'c']], { as: guest.name })
  assert.deepEqual(
    answers.map(([name, { type }]) => [name, type]),
    [
      ['Email/copy', undefined],
      ['error', 'forbidden'],
    ],
  )
  const get = { accountId, ids: [id], properties: ['subject'] }
  const { list } = await server.call('Email/get', get, { as: guest.name })
  assert.deepEqual(list, [{ id, subject: 'x' }])
})

test('RFC 8620 §5.4: what cannot be', async () => {
  const { server, guest, own, id } = await two()
  const as = guest.name
  const mailboxIds = { [inbox]: true }
  const call = (args: JsonObject): Promise<string> =>
    server.error('Email/copy', { accountId: own, fromAccountId: accountId, create: {}, ...args }, as)
  assert.equal(await call({ fromAccountId: 'A99' }), 'fromAccountNotFound')
  assert.equal(await call({ accountId: 'A99' }), 'accountNotFound')
  assert.equal(await call({ fromAccountId: own }), 'invalidArguments')
  assert.equal(await call({ ifInState: 'zz' }), 'stateMismatch')
  assert.equal(await call({ ifFromInState: 'zz' }), 'stateMismatch')
  const hidden = emailObjectId((await server.deliver('Subject: y\n\ny\n')).id, prefix)
  const table: readonly (readonly [JsonObject, string])[] = [
    [{ mailboxIds }, 'invalidProperties'],
    [{ id }, 'invalidProperties'],
    [{ id, mailboxIds: {} }, 'invalidProperties'],
    [{ id, mailboxIds: { Fzz: true } }, 'invalidProperties'],
    [{ id, mailboxIds, subject: 'x' }, 'invalidProperties'],
    [{ id: hidden, mailboxIds }, 'notFound'],
    [{ id: 'Mzz', mailboxIds }, 'notFound'],
  ]
  for (const [object, type] of table) {
    const args = { accountId: own, fromAccountId: accountId, create: { k: object } }
    const { created, notCreated } = await server.call('Email/copy', args, { as })
    assert.deepEqual([created, (notCreated as { k: JsonObject }).k['type']], [null, type])
  }
})

test('RFC 8620 §3.6.2: nothing is copied into an account that is read-only, nor destroyed in it', async () => {
  const { server, guest, own, id } = await two('lr')
  const as = guest.name
  const into = { accountId, fromAccountId: own, create: {} }
  assert.equal(await server.error('Email/copy', into, as), 'accountReadOnly')
  const create = { k: { id, mailboxIds: { [inbox]: true } } }
  const from = { accountId: own, fromAccountId: accountId, create, onSuccessDestroyOriginal: true }
  const { answers } = await server.request([['Email/copy', from, 'c']], { as })
  assert.deepEqual(
    answers.map(([name, { type }]) => [name, type]),
    [
      ['Email/copy', undefined],
      ['error', 'accountReadOnly'],
    ],
  )
})
