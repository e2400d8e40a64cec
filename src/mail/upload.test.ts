import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fault } from '#base/fault.ts'
import type { AccountId, BlobHash } from '#base/id.ts'
import { blobLinkTable, blobTable, ownerKinds } from '#kv/blob-rows.ts'
import { keyText } from '#kv/key.ts'
import { checkUploads, uploadHoldsBlob } from './check/uploads.ts'
import { purgeAccount } from './purge.ts'
import { account, openTestAccount, type TestAccount } from './test-account.ts'
import { findUpload, keepUpload, type UploadLimits, uploadTable } from './upload.ts'

const guest = 9 as AccountId
const roomy: UploadLimits = { bytes: 1000, count: 10, ttlMs: 1000 }
const signal = new AbortController().signal

async function upload(
  { db, stage }: TestAccount,
  text: string,
  now: number,
  o: { by?: AccountId; limits?: UploadLimits } = {},
): Promise<BlobHash> {
  const staged = await stage(Buffer.from(text))
  return db.write([account], (tx) =>
    keepUpload(tx, account, o.by ?? account, staged, { now, limits: o.limits ?? roomy }),
  )
}

const kept = async ({ db }: TestAccount): Promise<BlobHash[]> =>
  (await db.read((tx) => tx.list(uploadTable, [account]))).map(([[, , hash]]) => hash)

const linked = async ({ db }: TestAccount): Promise<BlobHash[]> =>
  (await db.read((tx) => tx.list(blobLinkTable, [])))
    .filter(([[, , kind]]) => kind === ownerKinds.upload)
    .map(([[hash]]) => hash)

const text = async ({ blobs }: TestAccount, hash: BlobHash): Promise<string> =>
  Buffer.from(await blobs.readRange(hash, 0, 1000)).toString()

test('RFC 8620 §6: an upload is there for whoever uploaded it, and for nobody else', async () => {
  const box = await openTestAccount()
  const hash = await upload(box, 'hello', 1000, { by: guest })
  assert.equal(await text(box, hash), 'hello')
  const find = (by: AccountId) => box.db.read((tx) => findUpload(tx, account, by, hash))
  assert.deepEqual(await find(guest), { sizeBytes: 5, uploadedAt: 1000 })
  assert.equal(await find(account), undefined)
  assert.deepEqual(await linked(box), [hash])
})

test('RFC 8620 §6: the oldest go first where an upload would pass the quota, of bytes or of uploads', async () => {
  const box = await openTestAccount()
  const first = await upload(box, 'a'.repeat(400), 1)
  const second = await upload(box, 'b'.repeat(400), 2)
  const third = await upload(box, 'c'.repeat(200), 3)
  assert.equal((await kept(box)).length, 3)
  const fourth = await upload(box, 'd'.repeat(600), 4)
  assert.deepEqual(new Set(await kept(box)), new Set([third, fourth]))
  assert.deepEqual(new Set(await linked(box)), new Set([third, fourth]))
  assert.ok(![first, second].includes(third))
  const few = { ...roomy, count: 2 }
  const fifth = await upload(box, 'e', 5, { limits: few })
  assert.deepEqual(new Set(await kept(box)), new Set([fourth, fifth]))
})

test('RFC 8620 §6: the quota is separate for each user, and one upload always fits', async () => {
  const box = await openTestAccount()
  const own = await upload(box, 'x'.repeat(900), 1)
  const guests = await upload(box, 'y'.repeat(900), 2, { by: guest })
  assert.deepEqual(new Set(await kept(box)), new Set([own, guests]))
  const large = await upload(box, 'z'.repeat(5000), 3)
  assert.deepEqual(new Set(await kept(box)), new Set([guests, large]))
})

test('RFC 8620 §6: the same bytes again are the same upload, which is young again and counts once', async () => {
  const box = await openTestAccount()
  const hash = await upload(box, 'x'.repeat(600), 1)
  const other = await upload(box, 'y'.repeat(300), 2)
  assert.equal(await upload(box, 'x'.repeat(600), 3), hash)
  assert.deepEqual(new Set(await kept(box)), new Set([hash, other]))
  await upload(box, 'z'.repeat(200), 4)
  assert.ok((await kept(box)).includes(hash))
  assert.ok(!(await kept(box)).includes(other))
})

test('what is stored already is taken without its bytes; what is gone is not', async () => {
  const box = await openTestAccount()
  const stored = await upload(box, 'hello', 1, { by: guest })
  const again = await box.db.write([account], (tx) =>
    keepUpload(tx, account, account, { stored, sizeBytes: 5 }, { now: 2, limits: roomy }),
  )
  assert.equal(again, stored)
  assert.deepEqual(await linked(box), [stored, stored])
  const gone = 'ab'.repeat(32) as BlobHash
  const taking = box.db.write([account], (tx) =>
    keepUpload(tx, account, account, { stored: gone, sizeBytes: 5 }, { now: 2, limits: roomy }),
  )
  await assert.rejects(taking, (error) => error instanceof Fault && error.code === 'notFound')
})

test('RFC 8620 §6: what has expired makes room even where there is some', async () => {
  const box = await openTestAccount()
  await upload(box, 'old', 1)
  const kept1 = await upload(box, 'not so old', 500)
  const young = await upload(box, 'young', 1002)
  assert.deepEqual(new Set(await kept(box)), new Set([kept1, young]))
})

test('with an account its uploads go, and their bytes are nobody’s', async () => {
  const box = await openTestAccount()
  await upload(box, 'hello', 1)
  await upload(box, 'world', 1, { by: guest })
  await purgeAccount(box.db, account, signal)
  assert.deepEqual(await kept(box), [])
  assert.deepEqual(await linked(box), [])
  const late = upload(box, 'too late', 2)
  await assert.rejects(late, (error) => error instanceof Fault && error.code === 'notFound')
})

test('the check finds an upload without bytes, without link and without sense, and repairs it', async () => {
  const box = await openTestAccount()
  const { db, engine } = box
  const find = async (repair = false): Promise<string[]> => {
    const names: string[] = []
    for await (const { kind, fix } of checkUploads({ db, account })) {
      names.push(kind.name)
      if (repair) await db.write([account], async (tx) => fix?.(tx))
    }
    return names
  }
  const commit = (puts: { key: string; value: Uint8Array }[], deletes: string[]) =>
    engine.commit({ checks: [], blobs: [], puts, deletes })
  const hash = await upload(box, 'hello', 1)
  const lost = await upload(box, 'lost', 1)
  assert.deepEqual(await find(), [])
  await commit([], [keyText(blobLinkTable.key(hash, account, ownerKinds.upload, account))])
  assert.deepEqual(await find(true), ['upload-link-missing'])
  assert.deepEqual(new Set(await linked(box)), new Set([hash, lost]))
  await commit([], [keyText(blobTable.key(lost))])
  assert.deepEqual(await find(true), ['upload-lost'])
  assert.deepEqual(await kept(box), [hash])
  await commit([{ key: keyText(uploadTable.key(account, account, hash)), value: Buffer.of(0xff) }], [])
  assert.deepEqual(await find(true), ['upload-lost'])
  assert.deepEqual(await kept(box), [])
})

test('a link is held by the upload of its owner with its bytes, and by no other', async () => {
  const box = await openTestAccount()
  const hash = await upload(box, 'hello', 1)
  const owner = { account, kind: ownerKinds.upload, id: account }
  const other = 'cd'.repeat(32) as BlobHash
  const held = await box.db.read((tx) =>
    uploadHoldsBlob(tx, [
      { hash, owner },
      { hash, owner: { ...owner, id: guest } },
      { hash: other, owner },
    ]),
  )
  assert.deepEqual(held, [true, false, false])
})
