import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountId, BlobHash, MailboxId } from '#base/id.ts'
import { parseStructure } from '#message/mime.ts'
import {
  allParts,
  type ClientBlob,
  messageBlob,
  mostParts,
  openBlob,
  partBlob,
  sizeOfContent,
  uploadBlob,
} from './client-blob.ts'
import { expungeMessages } from './expunge.ts'
import type { Ingested } from './ingest.ts'
import { anyone, type Identity, noRights, rightsOf } from './rights.ts'
import { setGrants } from './share.ts'
import { messageTable } from './tables.ts'
import { account, archive, inbox, openTestAccount, type TestAccount } from './test-account.ts'
import { keepUpload } from './upload.ts'

const me: Identity = { account, groups: [] }
const guest: Identity = { account: 9 as AccountId, groups: [] }

const nested = [
  'From: a@example.org',
  'Content-Type: multipart/mixed; boundary=x',
  '',
  '--x',
  'Content-Type: text/plain; charset=utf-8',
  'Content-Transfer-Encoding: quoted-printable',
  '',
  'caf=C3=A9',
  '--x',
  'Content-Type: application/octet-stream',
  'Content-Transfer-Encoding: base64',
  '',
  'AAEC',
  'AwQF',
  '--x',
  'Content-Type: message/rfc822',
  '',
  'Subject: inner',
  '',
  'inner body',
  '--x',
  'Content-Transfer-Encoding: x-unknown',
  '',
  'as it is',
  '--x--',
  '',
].join('\n')

async function read(
  box: TestAccount,
  blob: ClientBlob,
  o: { who?: Identity; start?: number; end?: number } = {},
): Promise<Buffer | undefined> {
  const content = await openBlob(box, account, o.who ?? me, blob)
  if (content === undefined) return undefined
  const pieces: Uint8Array[] = []
  for await (const piece of content.read(o.start, o.end)) pieces.push(Uint8Array.from(piece))
  const bytes = Buffer.concat(pieces)
  if (o.start === undefined && o.end === undefined) assert.equal(await sizeOfContent(content), bytes.length)
  return bytes
}

const text = async (...args: Parameters<typeof read>): Promise<string | undefined> =>
  (await read(...args))?.toString()

const blobOf = async ({ db }: TestAccount, { id }: Ingested): Promise<ClientBlob> =>
  messageBlob(account, id, (await db.read((tx) => tx.get(messageTable, account, id)))!)

async function upload(box: TestAccount, content: Uint8Array, by = account): Promise<ClientBlob> {
  const staged = await box.stage(content)
  const hash = await box.db.write([account], (tx) =>
    keepUpload(tx, account, by, staged, { now: 1, limits: { bytes: 1e9, count: 100, ttlMs: 1000 } }),
  )
  return uploadBlob(hash)
}

test('a message is its prefix and its bytes', async () => {
  const box = await openTestAccount()
  const blob = await blobOf(box, await box.append('Subject: x\n\nbody\n', { prefix: 'Return-Path: <>\r\n' }))
  assert.equal(await text(box, blob), 'Return-Path: <>\r\nSubject: x\r\n\r\nbody\r\n')
  assert.equal(await text(box, blob, { start: 13, end: 24 }), '<>\r\nSubject')
  assert.equal(await text(box, blob, { start: 1e9, end: 2e9 }), '')
})

test('RFC 8621 §4.1.4: parts are without their transfer encoding, one that is unknown is none', async () => {
  const box = await openTestAccount()
  for (const prefix of ['', 'Return-Path: <>\r\n']) {
    const blob = await blobOf(box, await box.append(nested, { prefix }))
    const part = (place: number, o = {}) => text(box, partBlob(blob, place), o)
    assert.equal(await part(0), undefined, 'a multipart has no blob')
    assert.equal(await part(1), 'café')
    assert.deepEqual(await read(box, partBlob(blob, 2)), Buffer.of(0, 1, 2, 3, 4, 5))
    assert.equal(await part(3), 'Subject: inner\r\n\r\ninner body')
    assert.equal(await part(4), 'inner body')
    assert.equal(await part(5), 'as it is')
    assert.equal(await part(6), undefined)
    assert.equal(await part(1, { start: 1, end: 3 }), 'af')
    assert.deepEqual(await read(box, partBlob(blob, 2), { start: 4, end: 1e9 }), Buffer.of(4, 5))
    assert.equal(await part(5, { start: 3, end: 5 }), 'it')
    assert.equal(await part(5, { start: 50, end: 60 }), '')
  }
})

test('the body of a message that is no multipart is its first part', async () => {
  const box = await openTestAccount()
  const blob = await blobOf(box, await box.append('Content-Transfer-Encoding: base64\n\naGVsbG8=\n'))
  assert.equal(await text(box, partBlob(blob, 0)), 'hello')
})

test('parts of what was uploaded, and of an encoded message in a message', async () => {
  const box = await openTestAccount()
  const inner = Buffer.from(nested.replaceAll('\n', '\r\n'))
  const uploaded = await upload(box, inner)
  assert.deepEqual(await read(box, uploaded), inner)
  assert.equal(await text(box, partBlob(uploaded, 1)), 'café')
  assert.equal(await text(box, partBlob(partBlob(uploaded, 3), 0)), 'inner body')
  const outer = `Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n${inner.toString('base64')}\n`
  const blob = await blobOf(box, await box.append(outer))
  assert.deepEqual(await read(box, partBlob(blob, 0)), inner)
  assert.equal(await text(box, partBlob(partBlob(blob, 0), 1)), 'café')
  let deep = blob
  for (let i = 0; i < mostParts; i++) deep = partBlob(deep, 0)
  assert.equal(await text(box, partBlob(deep, 0)), undefined)
})

test('what is stored as it is, is told', async () => {
  const box = await openTestAccount()
  const stored = async (blob: ClientBlob) => (await openBlob(box, account, me, blob))!.stored
  const plain = await blobOf(box, await box.append('Subject: x\n\nbody\n'))
  const prefixed = await blobOf(box, await box.append('Subject: x\n\nbody\n', { prefix: 'A: b\r\n' }))
  assert.equal((await stored(plain))?.length, 64)
  assert.equal(await stored(prefixed), undefined)
  assert.equal(await stored(partBlob(plain, 0)), undefined)
})

test('RFC 8620 §6.1: an upload is for whoever uploaded it only, whatever is shared', async () => {
  const box = await openTestAccount()
  const mine = await upload(box, Buffer.from('mine'))
  const theirs = await upload(box, Buffer.from('theirs'), guest.account)
  const grants = [{ grantee: anyone, granted: rightsOf('lrswipkxtea'), denied: noRights }]
  await box.db.write([account], (tx) => setGrants(tx, { account, mailbox: inbox }, grants, { maxShares: 10 }))
  assert.equal(await text(box, mine), 'mine')
  assert.equal(await text(box, mine, { who: guest }), undefined)
  assert.equal(await text(box, theirs), undefined)
  assert.equal(await text(box, theirs, { who: guest }), 'theirs')
  assert.equal(await text(box, uploadBlob('ab'.repeat(32) as BlobHash)), undefined)
})

test('a message is for those who may read a mailbox that it is in', async () => {
  const box = await openTestAccount()
  const blob = await blobOf(box, await box.append('Subject: x\n\nbody\n', { mailbox: archive }))
  const share = (mailbox: MailboxId, letters: string) =>
    box.db.write([account], (tx) =>
      setGrants(
        tx,
        { account, mailbox },
        letters === '' ? [] : [{ grantee: guest.account, granted: rightsOf(letters), denied: noRights }],
        { maxShares: 10 },
      ),
    )
  const asGuest = () => text(box, blob, { who: guest })
  assert.equal(await asGuest(), undefined)
  await share(inbox, 'lr')
  assert.equal(await asGuest(), undefined)
  await share(archive, 'lswi')
  assert.equal(await asGuest(), undefined)
  await share(archive, 'lr')
  assert.equal(await asGuest(), 'Subject: x\r\n\r\nbody\r\n')
  await share(archive, '')
  assert.equal(await asGuest(), undefined)
  assert.equal(await text(box, blob), 'Subject: x\r\n\r\nbody\r\n')
})

test('the number of a message alone names no blob, nor does the tag of another account', async () => {
  const box = await openTestAccount()
  const appended = await box.append('Subject: x\n\nbody\n')
  const { origin } = await blobOf(box, appended)
  assert.equal(await text(box, { origin: { ...origin, tag: '0'.repeat(20) } as never, parts: [] }), undefined)
  const row = (await box.db.read((tx) => tx.get(messageTable, account, appended.id)))!
  assert.equal(await text(box, messageBlob(guest.account, appended.id, row)), undefined)
})

test('a message that is gone has no blob', async () => {
  const box = await openTestAccount()
  const appended = await box.append('Subject: x\n\nbody\n')
  const blob = await blobOf(box, appended)
  await box.db.write([account], (tx) =>
    expungeMessages(tx, account, inbox, [appended.uid], { onlyDeleted: false }),
  )
  assert.equal(await text(box, blob), undefined)
  assert.equal(await text(box, partBlob(blob, 0)), undefined)
})

test('all parts stand from outside to inside', () => {
  const { root } = parseStructure(Buffer.from(nested.replaceAll('\n', '\r\n')))
  assert.deepEqual(
    allParts(root).map(({ type, subtype }) => `${type}/${subtype}`),
    [
      'multipart/mixed',
      'text/plain',
      'application/octet-stream',
      'message/rfc822',
      'text/plain',
      'text/plain',
    ],
  )
})
