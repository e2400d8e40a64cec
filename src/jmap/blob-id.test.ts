import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { AccountId, BlobHash, MessageId } from '#base/id.ts'
import { type ClientBlob, messageBlob, partBlob, uploadBlob } from '#mail/client-blob.ts'
import { blobIdText, readBlobId } from './blob-id.ts'
import { isId } from './value.ts'

const hash = 'ab'.repeat(32) as BlobHash

test('RFC 8620 §1.2: an id is an id, says what it stands for, and is the only one for that', () => {
  const blobs = fc.record({
    of: fc.oneof(
      fc.constant(uploadBlob(hash)),
      fc
        .integer({ min: 1, max: 2 ** 48 - 1 })
        .map((id) => messageBlob(7 as AccountId, id as MessageId, { blob: hash })),
    ),
    parts: fc.array(fc.nat(1000), { maxLength: 4 }),
  })
  fc.assert(
    fc.property(blobs, ({ of, parts }) => {
      const blob: ClientBlob = parts.reduce(partBlob, of)
      const text = blobIdText(blob)
      assert.ok(isId(text))
      assert.match(text, /^[A-Z]/)
      assert.deepEqual(readBlobId(text), blob)
    }),
  )
})

test('ids of the same message differ from account to account', () => {
  const of = (account: number, id: number): string =>
    blobIdText(messageBlob(account as AccountId, id as MessageId, { blob: hash }))
  assert.equal(new Set([of(1, 1), of(2, 1), of(1, 2)]).size, 3)
  assert.equal(of(1, 1), of(1, 1))
})

test('what we never gave out is no id', () => {
  const message = blobIdText(messageBlob(7 as AccountId, 36 as MessageId, { blob: hash }))
  assert.match(message, /^B10-[0-9a-f]{20}$/)
  for (const text of [
    '',
    'U',
    'B',
    `U${'A'.repeat(64)}`,
    `U${'a'.repeat(63)}`,
    `U${'a'.repeat(65)}`,
    message.replace('B10', 'B010'),
    message.replace('B10', 'B0'),
    message.replace('B10', 'Bzzzzzzzzzz'),
    message.replace('B10', 'b10'),
    `${message}-`,
    `${message}-00`,
    `${message}-1-2-3-4-5`,
    `${message}-1--2`,
    `${message}\n`,
    ` ${message}`,
    '__proto__',
    'constructor',
    '\0',
    `U${'ab'.repeat(5_000_000)}`,
    `B1-${'0'.repeat(20)}${'-1'.repeat(5_000_000)}`,
  ])
    assert.equal(readBlobId(text), undefined, text.slice(0, 100))
})

test('any text is read without a failure', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[UB][0-9a-z-]{0,100}$/)), (text) => {
      const blob = readBlobId(text)
      if (blob !== undefined) assert.equal(blobIdText(blob), text)
    }),
  )
})
