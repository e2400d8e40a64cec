import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseStructure } from '#message/mime.ts'
import { shiftStructure } from '#message/structure.ts'
import { makeTrace, prefixOf, protocolName, type TraceFacts } from './trace.ts'
import { addedFieldsIn, withAddedFields } from '#message/added-fields.ts'

const facts: TraceFacts = {
  helo: 'client.example',
  ip: '2001:db8::1',
  by: 'mx.example.org',
  protocol: 'ESMTPSA',
  tls: { version: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256' },
  id: 's1.1',
  recipient: 'alice@example.org',
  atMs: Date.UTC(2026, 2, 4, 5, 6, 7),
  envelopeFrom: 'bob@example.org',
  deliveredTo: true,
  findings: '',
  newMessageId: undefined,
}

test('what stands in front of a copy', () => {
  const trace = makeTrace(facts, parseStructure(Buffer.from('A: b\r\n\r\nx')))
  assert.equal(
    prefixOf(trace, 'alice@example.org').toString(),
    'Return-Path: <bob@example.org>\r\n' +
      'Delivered-To: alice@example.org\r\n' +
      'Received: from client.example ([IPv6:2001:db8::1]) by mx.example.org with\r\n' +
      '\tESMTPSA (TLSv1.3 cipher TLS_AES_128_GCM_SHA256) id s1.1 for\r\n' +
      '\t<alice@example.org>; Wed, 4 Mar 2026 05:06:07 +0000\r\n',
  )
  assert.ok(!prefixOf({ ...trace, deliveredTo: false }, 'x@example.org').includes('Delivered-To'))
})

test('the structure that is kept is that of prefix and message together', () => {
  const line = fc.constantFrom(
    'Subject: x\r\n',
    'Date: x\r\n',
    'Date: 4 Mar 2026 05:06:07 +0000\r\n',
    'Message-ID: <a@b>\r\n',
    'text\r\n',
    ' folded\r\n',
    '\r\n',
    'X-Y: z',
    'Content-Type: multipart/mixed; boundary=b\r\n',
    '--b\r\n',
  )
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }), fc.boolean(), (lines, isSubmitted) => {
      const bytes = Buffer.from(lines.join(''))
      const structure = parseStructure(bytes)
      const trace = makeTrace(
        { ...facts, newMessageId: isSubmitted ? 'new@mx.example.org' : undefined },
        structure,
      )
      const prefix = prefixOf(trace, 'alice@example.org')
      assert.deepEqual(addedFieldsIn(prefix), trace.added)
      const expected = shiftStructure(withAddedFields(trace.added, structure), prefix.length)
      const parsed = parseStructure(Buffer.concat([prefix, bytes]))
      assert.deepEqual({ ...parsed, receivedCount: 0 }, { ...expected, receivedCount: 0 })
    }),
    { numRuns: 2000 },
  )
})

test('RFC 3848 and RFC 6531: the word behind "with"', () => {
  const usual = { isLmtp: false, isExtended: true, isUtf8: false, isTls: false, isSignedIn: false }
  assert.equal(protocolName({ ...usual, isExtended: false }), 'SMTP')
  assert.equal(protocolName(usual), 'ESMTP')
  assert.equal(protocolName({ ...usual, isTls: true, isSignedIn: true }), 'ESMTPSA')
  assert.equal(protocolName({ ...usual, isSignedIn: true }), 'ESMTPA')
  assert.equal(protocolName({ ...usual, isLmtp: true, isTls: true }), 'LMTPS')
  assert.equal(protocolName({ ...usual, isUtf8: true, isTls: true }), 'UTF8SMTPS')
  assert.equal(protocolName({ ...usual, isUtf8: true, isLmtp: true }), 'UTF8LMTP')
})
