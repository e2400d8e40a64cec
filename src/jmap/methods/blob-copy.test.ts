import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountId } from '#base/id.ts'
import { inboxId } from '#mail/mailbox.ts'
import { uploadTable } from '#mail/upload.ts'
import { blobIdOf, readBlob, uploaded } from '../blob-fixture.test.ts'
import { account } from '../../../test/harness/memory-accounts.ts'
import { accountId, JmapTestServer } from '../fixture.test.ts'

const anna = 'anna@example.org'
const annas = 'A8'

async function start(settings = {}): Promise<JmapTestServer> {
  const server = await JmapTestServer.start(settings)
  await server.add(8, anna)
  return server
}

const copy = (server: JmapTestServer, blobIds: readonly string[]) =>
  server.call('Blob/copy', { fromAccountId: accountId, accountId: annas, blobIds }, { as: anna })

test('RFC 8620 §6.3: blobs that one may read become blobs of the other account', async () => {
  const server = await start()
  await server.share(inboxId, 8 as AccountId, 'lr')
  const message = await server.deliver('Content-Transfer-Encoding: base64\n\naGVsbG8gd29ybGQ=\n')
  const whole = await blobIdOf(server, message)
  const part = await blobIdOf(server, message, { part: 0 })
  const own = await uploaded(server, 'of anna', { as: anna })
  const { fromAccountId, accountId: to, copied, notCopied } = await copy(server, [whole, part, own, whole])
  assert.equal(fromAccountId, accountId)
  assert.equal(to, annas)
  assert.equal(notCopied, null)
  const ids = copied as Record<string, string>
  assert.deepEqual(Object.keys(ids).toSorted(), [whole, part, own].toSorted())
  const text = async (id: string) => (await readBlob(server, id, { accountId: annas }, anna))!['data:asText']
  assert.equal(await text(ids[part]!), 'hello world')
  assert.equal(await text(ids[own]!), 'of anna')
  assert.equal(await text(ids[whole]!), 'Content-Transfer-Encoding: base64\r\n\r\naGVsbG8gd29ybGQ=\r\n')
  assert.equal((await server.db.read((tx) => tx.list(uploadTable, [8]))).length, 3)
})

test('RFC 8620 §6.3: what is not there, or not for the user, is notFound', async () => {
  const server = await start({ maxUploadSize: 1024 })
  await server.share(inboxId, 8 as AccountId, 'lr')
  const hidden = await blobIdOf(
    server,
    await server.deliver('Subject: x\n\nx\n', { mailbox: 6 as typeof inboxId }),
  )
  const upload = await uploaded(server, 'secret')
  const large = await blobIdOf(server, await server.deliver(`Subject: x\n\n${'x'.repeat(2000)}\n`))
  const missing = [hidden, upload, `U${'ab'.repeat(32)}`, 'x', '#none', '']
  const { copied, notCopied } = await copy(server, [...missing, large])
  assert.equal(copied, null)
  const errors = notCopied as Record<string, { type: string }>
  assert.deepEqual(
    missing.map((id) => errors[id]!.type),
    missing.map(() => 'notFound'),
  )
  assert.equal(errors[large]!.type, 'tooLarge')
  const none = await copy(server, [])
  assert.deepEqual([none['copied'], none['notCopied']], [null, null])
  assert.equal((await server.db.read((tx) => tx.list(uploadTable, [account]))).length, 1)
})

test('RFC 8620 §6.3: accounts that are none, or not the user’s', async () => {
  const server = await start({ setMaxObjects: 2 })
  const args = { fromAccountId: accountId, accountId: annas, blobIds: [] }
  assert.equal(await server.error('Blob/copy', args, anna), 'fromAccountNotFound')
  await server.share(inboxId, 8 as AccountId, 'lr')
  assert.equal(
    await server.error('Blob/copy', { ...args, fromAccountId: 'A99' }, anna),
    'fromAccountNotFound',
  )
  assert.equal(await server.error('Blob/copy', { ...args, accountId: 'A99' }, anna), 'accountNotFound')
  assert.equal(
    await server.error('Blob/copy', { ...args, blobIds: ['a', 'b', 'c'] }, anna),
    'requestTooLarge',
  )
})

test('RFC 8620 §6.3: blobs are copied between two different accounts', async () => {
  const server = await JmapTestServer.start()
  const blobIds = [await uploaded(server, 'here')]
  const args = { fromAccountId: accountId, accountId, blobIds }
  assert.equal(await server.error('Blob/copy', args), 'invalidArguments')
})
