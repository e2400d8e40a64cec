import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { composeAddressField, composeField } from './compose.ts'
import { parseAddresses, displayName } from './address.ts'
import { decodeHeaderText } from './encoded-word.ts'
import { fieldValue, headerFields } from './headers.ts'
import { composeReceived } from './received.ts'

const facts = {
  helo: 'client.example.org',
  ip: '192.0.2.1',
  reverseName: 'mx.example.org',
  by: 'mail.example.net',
  protocol: 'ESMTPS',
  tls: { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' },
  id: '4XyZ12',
  recipient: 'bob@example.net',
  atMs: Date.UTC(2025, 10, 3, 10, 11, 12),
}

test('a Received field has the facts and is folded (RFC 5321 §4.4)', () => {
  assert.equal(
    composeReceived(facts),
    'Received: from client.example.org (mx.example.org [192.0.2.1]) by\r\n' +
      '\tmail.example.net with ESMTPS (TLSv1.3 cipher TLS_AES_256_GCM_SHA384) id\r\n' +
      '\t4XyZ12 for <bob@example.net>; Mon, 3 Nov 2025 10:11:12 +0000\r\n',
  )
  const plain = composeReceived({
    ...facts,
    ip: '2001:db8::1',
    reverseName: undefined,
    tls: undefined,
    recipient: undefined,
  })
  assert.equal(
    plain,
    'Received: from client.example.org ([IPv6:2001:db8::1]) by mail.example.net\r\n' +
      '\twith ESMTPS id 4XyZ12; Mon, 3 Nov 2025 10:11:12 +0000\r\n',
  )
})

test('no fact can end the field or begin another', () => {
  const hostile = composeReceived({ ...facts, helo: 'a\r\nBcc: x(;)', recipient: 'b\r\n\r\n@c' })
  assert.equal([...headerFields(Buffer.from(hostile))].length, 1)
  assert.match(hostile, /^Received: from aBcc:x \(/)
})

test('composed fields read back as what they say', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (input) => {
      const text = input
        .toWellFormed()
        .replace(/[\p{Cc}\s]+/gu, ' ')
        .trim()
      const field = Buffer.from(composeField('Subject', text))
      assert.equal([...headerFields(field)].length, 1)
      const value = fieldValue(field, 'subject')!
      assert.equal(decodeHeaderText(value.replaceAll('\t', ' ')), text.replace(/ +/g, ' '))
    }),
  )
})

test('composed addresses read back as they were', () => {
  const field = composeAddressField('To', [
    { name: 'Doe, John "J"', address: 'john@example.org' },
    { name: 'André', address: 'andre@example.org' },
    { address: 'bare@example.org' },
    { name: 'Bad\r\nBcc: x', address: 'a\r\n@b.example' },
  ])
  assert.equal([...headerFields(Buffer.from(field))].length, 1)
  const list = parseAddresses(fieldValue(Buffer.from(field), 'to')!)
  assert.deepEqual(
    list.map((a) => [displayName(a), a.mailbox, a.host]),
    [
      ['Doe, John "J"', 'john', 'example.org'],
      ['André', 'andre', 'example.org'],
      [undefined, 'bare', 'example.org'],
      ['Bad Bcc: x', 'a', 'b.example'],
    ],
  )
})
