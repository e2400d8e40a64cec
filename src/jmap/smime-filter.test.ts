/** What the capability smimeverify brings. Signatures that hold are in `test/interop/smime.test.ts`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { json } from '#kv/codec.ts'
import { u32, u48 } from '#kv/key.ts'
import { globalTable } from '#kv/table.ts'
import { emailObjectId } from '#mail/object-id.ts'
import { messageTable } from '#mail/tables.ts'
import { OtherWorker } from '../../test/harness/other-worker.ts'
import { account } from '../../test/harness/memory-accounts.ts'
import { JmapTestServer } from './fixture.test.ts'

const signed =
  'From: alice@example.org\nContent-Type: multipart/signed; protocol="application/pkcs7-signature"; boundary=b\n\n' +
  '--b\n\nx\n--b\nContent-Type: application/pkcs7-signature\nContent-Transfer-Encoding: base64\n\nAAAA\n--b--\n'

const withMail = async () => {
  const server = await JmapTestServer.start()
  const plain = emailObjectId((await server.deliver('Subject: plain\n\nx\n')).id, '')
  const failing = emailObjectId((await server.deliver(signed)).id, '')
  return { server, plain, failing }
}

test('RFC 9219 §4.1: the properties of signed mail and of other mail, only where they are asked for', async () => {
  const { server, plain, failing } = await withMail()
  const properties = ['smimeStatus', 'smimeStatusAtDelivery', 'smimeErrors', 'smimeVerifiedAt']
  const { list } = await server.call('Email/get', { ids: [plain, failing], properties })
  assert.deepEqual(list, [
    { id: plain, smimeStatus: null, smimeStatusAtDelivery: null, smimeErrors: null, smimeVerifiedAt: null },
    {
      id: failing,
      smimeStatus: 'signed/failed',
      smimeStatusAtDelivery: 'signed/failed',
      smimeErrors: ['The signature cannot be read.'],
      smimeVerifiedAt: '2026-01-01T00:01:00Z',
    },
  ])
  const beside = { ids: [failing], properties: ['preview', 'smimeStatus'] }
  for (let times = 0; times < 3; times++)
    assert.deepEqual((await server.call('Email/get', beside))['list'], [
      { id: failing, preview: 'x', smimeStatus: 'signed/failed' },
    ])
  const usual = await server.call('Email/get', { ids: [failing] })
  assert.ok(!JSON.stringify(usual).includes('smime'))
})

test('RFC 9219 §4.2: conditions of queries', async () => {
  const { server, plain, failing } = await withMail()
  const found = async (filter: object): Promise<unknown> =>
    (await server.call('Email/query', { filter, sort: [{ property: 'size' }] }))['ids']
  assert.deepEqual(await found({ hasSmime: true }), [failing])
  assert.deepEqual(await found({ hasSmime: false }), [plain])
  assert.deepEqual(await found({ hasVerifiedSmime: true }), [])
  assert.deepEqual(await found({ hasVerifiedSmime: false }), [plain, failing])
  assert.deepEqual(await found({ hasVerifiedSmimeAtDelivery: false, hasSmime: true }), [failing])
  assert.deepEqual(await found({ operator: 'NOT', conditions: [{ hasSmime: true }] }), [plain])
  const { queryState, canCalculateChanges } = await server.call('Email/query', { filter: { hasSmime: true } })
  assert.equal(canCalculateChanges, false)
  const changes = { filter: { hasSmime: true }, sinceQueryState: queryState }
  assert.equal(await server.error('Email/queryChanges', changes), 'cannotCalculateChanges')
})

test('RFC 8620 §1.8: without the capability there is nothing of it', async () => {
  const { server, failing } = await withMail()
  const accountId = 'A7'
  const { answers } = await server.request(
    [
      ['Email/get', { accountId, ids: [failing], properties: ['smimeStatus'] }, '1'],
      ['Email/query', { accountId, filter: { hasSmime: true } }, '2'],
    ],
    { using: ['urn:ietf:params:jmap:core', 'urn:ietf:params:jmap:mail'] },
  )
  assert.deepEqual(
    answers.map(([, { type }]) => type),
    ['invalidArguments', 'unsupportedFilter'],
  )
})

// Fault that turns it red: in `mail/smime-status.ts` the row is put whatever is there by then.
test('RFC 9219 §4.1: what a signature was worth at delivery is found out once, also by two workers at a time', async (t) => {
  const { server, failing } = await withMail()
  const verdicts = globalTable({
    name: 'smime-verdict',
    letter: 'M',
    key: [u32(), u48()],
    value: json<object>(),
  })
  const theirs = { status: 'signed/verified', atDelivery: 'signed/verified', errors: [], verifiedAt: 1 }
  new OtherWorker(t, server).comesBetween((there) =>
    there.write([], async (tx) => {
      for (const [[, message]] of await tx.list(messageTable, [account]))
        tx.put(verdicts, [account, message], theirs)
    }),
  )
  const { list } = await server.call('Email/get', { ids: [failing], properties: ['smimeStatusAtDelivery'] })
  assert.deepEqual(list, [{ id: failing, smimeStatusAtDelivery: 'signed/verified' }])
})
