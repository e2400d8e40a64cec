import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { SyntaxFault } from '#base/fault.ts'
import { addressText } from './address.ts'
import { parseStructure } from './mime.ts'
import { subjectText } from './structure.ts'
import { encodeStructure, shiftStored, StoredStructure } from './structure-codec.ts'

const message = Buffer.from(
  [
    'Date: Mon, 3 Nov 2025 11:11:10 +0100',
    'From: =?utf-8?Q?Andr=C3=A9?= <andre@example.org>',
    'To: Bob <bob@example.net>, team: carol@example.net;',
    'Cc: dave@example.net',
    'Subject: Re: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=',
    'Message-ID: <2@example.org>',
    'In-Reply-To: <1@example.net>',
    'References: <0@example.net> <1@example.net>',
    'Content-Type: multipart/mixed; boundary=b',
    '',
    '--b',
    'Content-Type: text/plain; charset=utf-8',
    '',
    'Hello',
    '--b',
    'Content-Type: application/pdf; name="x.pdf"',
    'Content-Disposition: attachment',
    '',
    'x',
    '--b--',
    '',
  ].join('\r\n'),
)
const stored = encodeStructure(parseStructure(message))

test('every member of a stored structure', () => {
  const structure = new StoredStructure(stored)
  assert.equal(structure.sentAt, Date.UTC(2025, 10, 3, 10, 11, 10))
  assert.equal(structure.sizeBytes, message.length)
  assert.equal(structure.headerEnd, message.indexOf('\r\n\r\n') + 4)
  assert.equal(structure.preview, 'Hello')
  assert.equal(structure.baseSubject, 'Grüße')
  assert.equal(structure.memberText('subject'), 'Re: Grüße')
  assert.equal(structure.memberText('from'), 'André <andre@example.org>')
  assert.equal(structure.memberText('to'), 'Bob <bob@example.net>, team:, carol@example.net')
  assert.equal(structure.memberText('cc'), 'dave@example.net')
  assert.equal(structure.memberText('bcc'), '')
  assert.equal(structure.messageId, '2@example.org')
  assert.deepEqual(structure.inReplyTo, ['1@example.net'])
  assert.deepEqual(structure.references, ['0@example.net', '1@example.net'])
  assert.equal(structure.hasAttachment, true)
  assert.equal(structure.receivedCount, 0)
  assert.deepEqual(structure.parts(), parseStructure(message).root)
})

test('the stored form is about as small as what it sends', () => {
  const structure = new StoredStructure(stored)
  const wire = structure.envelopeWire.length + structure.bodyStructureWire.length
  assert.ok(stored.length < wire + 150, `${stored.length} for ${wire}`)
})

test('a member of the envelope read by itself is the same as read with all', () => {
  const text = fc.string({ unit: fc.constantFrom(...'ab "\\(){}é@=?,:;<>'), maxLength: 12 })
  fc.assert(
    fc.property(text, text, text, text, (subject, from, to, bcc) => {
      const header = `Subject: ${subject}\r\nFrom: ${from}\r\nTo: ${to}, <a@b>\r\nBcc: ${bcc}\r\n\r\n`
      const { envelope } = parseStructure(Buffer.from(header))
      const structure = new StoredStructure(encodeStructure(parseStructure(Buffer.from(header))))
      assert.equal(structure.memberText('subject'), subjectText(envelope))
      for (const member of ['from', 'to', 'cc', 'bcc'] as const)
        assert.equal(structure.memberText(member), addressText(envelope[member]))
    }),
  )
})

test('the wire forms are views, not copies', () => {
  assert.equal(new StoredStructure(stored).envelopeWire.buffer, stored.buffer)
})

test('a prefix may be given at once or later, also more than once', () => {
  const structure = parseStructure(message)
  assert.deepEqual(shiftStored(shiftStored(stored, 40), 60), encodeStructure(structure, 100))
  const shifted = new StoredStructure(shiftStored(stored, 100))
  assert.equal(shifted.prefixBytes, 100)
  assert.equal(shifted.sizeBytes, message.length + 100)
  assert.equal(shifted.parts().headerStart, 0)
  assert.equal(shifted.parts().children[0]!.headerStart, structure.root.children[0]!.headerStart + 100)
})

test('damaged bytes give a SyntaxFault or some structure, and nothing else', () => {
  const nested = encodeStructure(parseStructure(readFileSync('test/corpus/message/nested-messages.eml')))
  const members = (bytes: Uint8Array): void => {
    const structure = new StoredStructure(bytes)
    for (const read of [
      () => structure.parts(),
      () => structure.envelope,
      () => structure.bodyWire,
      () => structure.headerEnd,
      () => structure.preview,
      () => structure.references,
      () => structure.memberText('cc'),
    ]) {
      try {
        read()
      } catch (error) {
        assert.ok(error instanceof SyntaxFault, String(error))
      }
    }
  }
  const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), {
    minLength: 1,
    maxLength: 4,
  })
  fc.assert(
    fc.property(fc.constantFrom(stored, nested), damage, fc.nat(), (whole, changes, cut) => {
      const bytes = Buffer.from(whole)
      for (const [at, value] of changes) bytes[at % bytes.length] = value
      try {
        members(bytes.subarray(0, bytes.length - (cut % 3 === 0 ? cut % bytes.length : 0)))
      } catch (error) {
        assert.ok(error instanceof SyntaxFault, String(error))
      }
    }),
    { numRuns: 2000 },
  )
  for (const bytes of ['', '\x01', '\x02abcdefgh']) {
    assert.throws(() => new StoredStructure(Buffer.from(bytes, 'latin1')), SyntaxFault)
  }
})
