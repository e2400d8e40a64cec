/**
 * Properties of the structure for any bytes: it never throws, does not depend on how the bytes are split,
 * its parts lie in order inside each other and re-assemble to the message, and the stored form gives back
 * what went in. Run over generated messages, over the corpus, and over the suites where they are.
 */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { isBodyStructure, isEnvelope } from './grammar-check.ts'
import { parseStructure, StructureParser } from './mime.ts'
import { encodeStructure, shiftStored, StoredStructure } from './structure-codec.ts'
import { shiftStructure, type MessageStructure, type Part } from './structure.ts'

/** The message, put together again from the gaps, headers and bodies of its parts. */
function reassemble(message: Buffer, part: Part): Buffer[] {
  assert.ok(
    part.headerStart <= part.bodyStart && part.bodyStart <= part.bodyEnd && part.bodyEnd <= message.length,
  )
  const pieces = [message.subarray(part.headerStart, part.bodyStart)]
  let at = part.bodyStart
  for (const child of part.children) {
    assert.ok(child.headerStart >= at && child.bodyEnd <= part.bodyEnd)
    pieces.push(message.subarray(at, child.headerStart), ...reassemble(message, child))
    at = child.bodyEnd
  }
  pieces.push(message.subarray(at, part.bodyEnd))
  return pieces
}

function checkStored(structure: MessageStructure): void {
  const stored = new StoredStructure(encodeStructure(structure))
  assert.deepEqual(stored.parts(), structure.root)
  assert.deepEqual(stored.envelope, structure.envelope)
  assert.equal(stored.preview, structure.preview)
  assert.equal(stored.baseSubject, structure.baseSubject)
  assert.equal(stored.sentAt, structure.sentAt)
  assert.equal(stored.hasAttachment, structure.hasAttachment)
  assert.equal(stored.sizeBytes, structure.sizeBytes)
  assert.equal(stored.receivedCount, structure.receivedCount)
  assert.deepEqual(stored.references, structure.references)
  assert.deepEqual(stored.inReplyTo, structure.inReplyTo)
  assert.equal(stored.messageId, structure.messageIds[0])
  assert.equal(stored.headerEnd, structure.root.bodyStart)
  assert.ok(isEnvelope(stored.envelopeWire))
  assert.ok(isBodyStructure(stored.bodyStructureWire, true))
  assert.ok(isBodyStructure(stored.bodyWire, false))
}

function checkShifted(structure: MessageStructure): void {
  const shifted = shiftStructure(structure, 1000)
  for (const bytes of [
    encodeStructure(shifted),
    shiftStored(encodeStructure(structure), 1000),
    encodeStructure(structure, 1000),
  ]) {
    const stored = new StoredStructure(bytes)
    assert.deepEqual(stored.parts(), shifted.root)
    assert.equal(stored.sizeBytes, shifted.sizeBytes)
    assert.equal(stored.headerEnd, shifted.root.bodyStart)
  }
}

function parseIn(message: Buffer, sizes: Iterator<number>): MessageStructure {
  const parser = new StructureParser()
  const scratch = Buffer.alloc(1 << 16)
  for (let at = 0; at < message.length;) {
    const size = sizes.next().value as number
    // The parser must not rely on a chunk after push.
    const length = message.copy(scratch, 0, at, Math.min(at + size, at + scratch.length))
    parser.push(scratch.subarray(0, length))
    scratch.fill(0x2d, 0, length)
    at += length
  }
  return parser.end()
}

function checkMessage(message: Buffer, sizes: Iterator<number>): void {
  const structure = parseStructure(message)
  assert.equal(structure.root.headerStart, 0)
  assert.equal(structure.root.bodyEnd, message.length)
  assert.ok(Buffer.concat(reassemble(message, structure.root)).equals(message))
  checkStored(structure)
  checkShifted(structure)
  assert.deepEqual(parseIn(message, sizes), structure)
}

function* always(size: number): Generator<number> {
  for (;;) yield size
}

const piece = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.constantFrom(
      '\r\n',
      '\n',
      '\r',
      '--a',
      '--b',
      '--',
      '-',
      ' ',
      'x',
      '--a--',
      '--b--',
      '\r\n--a\r\n',
      '\r\n--b\r\n',
      '\r\n\r\n',
    ),
  },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      'Content-Type: multipart/mixed; boundary=a\r\n',
      'Content-Type: multipart/digest; boundary=b\n',
      'Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n',
      'Content-Type: message/rfc822\r\n',
      'Content-Type: text/html\r\n\r\n<p>Hi</p>\r\n',
      'Content-Transfer-Encoding: base64\r\n',
      'Content-Transfer-Encoding: quoted-printable\r\n',
      "Content-Disposition: attachment; filename*=utf-8''%C3%A9\0\r\n",
      'Content-Language: en, fr\r\n',
      'Content-ID: <"a\\b"@c>\r\n',
      'Content-Description: \xe9\r\n',
      'Subject: Re: =?utf-8?Q?=C3=A9\r\n',
      'From: "a" <b@c>, d: e;\r\n',
      'Date: 1 Jan 1960 00:00\r\n',
      'Message-ID: <a@b>\r\n',
      'From mbox\r\n',
    ),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
)
const message = fc.array(piece, { maxLength: 60 }).map((pieces) => Buffer.from(pieces.join(''), 'latin1'))
const sizes = fc.infiniteStream(fc.integer({ min: 1, max: 40 }))

test('generated messages', () => {
  fc.assert(
    fc.property(message, sizes, (bytes, split) => checkMessage(bytes, split)),
    { numRuns: 3000 },
  )
})

test('arbitrary bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 500 }), sizes, (bytes, split) =>
      checkMessage(Buffer.from(bytes), split),
    ),
    { numRuns: 500 },
  )
})

test('header fields put in front shift the structure', () => {
  const header = Buffer.from('Received: from a by b;\r\n\t1 Jan 2020 00:00\r\n')
  fc.assert(
    fc.property(message, (tail) => {
      const bytes = Buffer.concat([Buffer.from('Subject: x\r\n'), tail])
      const shifted = shiftStructure(parseStructure(bytes), header.length)
      const whole = parseStructure(Buffer.concat([header, bytes]))
      assert.deepEqual(whole, { ...shifted, receivedCount: shifted.receivedCount + 1 })
    }),
    { numRuns: 500 },
  )
})

test('the corpus', () => {
  const files = globSync('test/corpus/message/*.eml')
  assert.ok(files.length > 0)
  for (const file of files) {
    const bytes = readFileSync(file)
    for (const size of [1, 7, 64]) checkMessage(bytes, always(size))
  }
})

const suites = process.env['POSTERN_SUITES']
test('the MIME suites', { skip: suites === undefined && 'POSTERN_SUITES is not set' }, () => {
  const files = globSync(`${suites}/mime/**/*.eml`)
  assert.ok(files.length > 0)
  for (const file of files) {
    const bytes = readFileSync(file)
    for (const size of bytes.length > 100_000 ? [4096] : [1, 64]) checkMessage(bytes, always(size))
  }
})
