/**
 * Fuzz targets of `src/message`: each takes any bytes and must return; what it throws is a find. What the
 * parsers promise beyond that (offsets in order, the same result however the bytes are split) is asserted.
 */
import assert from 'node:assert/strict'
import { splitAddress } from '#base/domain-name.ts'
import { SyntaxFault } from '#base/fault.ts'
import { addressText, parseAddresses } from '#message/address.ts'
import { composeAuthResults } from '#message/auth-results.ts'
import { forgedResults, parseArcAuthResults, parseAuthResults } from '#message/auth-results-reader.ts'
import { baseSubject } from '#message/base-subject.ts'
import { decodeBody, decodeText, transferDecoder } from '#message/body.ts'
import { parseDate } from '#message/date.ts'
import { decodeHeaderText } from '#message/encoded-word.ts'
import { composeFeedbackFields, parseFeedbackFields } from '#message/feedback-fields.ts'
import { fieldValue, headerFields, selectHeaders } from '#message/headers.ts'
import { htmlToText } from '#message/html-to-text.ts'
import { composeMdnFields, parseMdnFields } from '#message/mdn.ts'
import { parseStructure, StructureParser } from '#message/mime.ts'
import { parseContentType, parseDisposition } from '#message/parameters.ts'
import { readMailbox } from '#message/path.ts'
import { messageIds } from '#message/references.ts'
import { readDeliveryStatus, readDisposition } from '#message/report-reader.ts'
import { encodeStructure, StoredStructure } from '#message/structure-codec.ts'
import type { Part } from '#message/structure.ts'
import { addressOfUnitext, unitextInAscii } from '#message/unitext.ts'

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

function checkPlaces(part: Part, from: number, to: number): void {
  assert.ok(from <= part.headerStart && part.headerStart <= part.bodyStart)
  assert.ok(part.bodyStart <= part.bodyEnd && part.bodyEnd <= to && part.lines >= 0)
  let at = part.bodyStart
  for (const child of part.children) {
    checkPlaces(child, at, part.bodyEnd)
    at = child.bodyEnd
  }
}

/** The first byte says how the rest is split. */
function structure(bytes: Uint8Array): void {
  const message = bytes.subarray(1)
  const whole = parseStructure(message)
  checkPlaces(whole.root, 0, message.length)
  const step = ((bytes[0] ?? 0) % 64) + 1
  const parser = new StructureParser()
  for (let at = 0; at < message.length; at += step) parser.push(message.subarray(at, at + step))
  assert.deepEqual(parser.end(), whole)
  const stored = new StoredStructure(encodeStructure(whole))
  assert.deepEqual(stored.parts(), whole.root)
  assert.deepEqual(stored.envelope, whole.envelope)
}

function storedStructure(bytes: Uint8Array): void {
  try {
    const stored = new StoredStructure(bytes)
    stored.parts()
    assert.ok(stored.bodyWire.length >= 0 && stored.headerEnd >= 0)
    assert.equal(typeof stored.memberText('from'), 'string')
  } catch (error) {
    if (!(error instanceof SyntaxFault)) throw error
  }
}

function headers(bytes: Uint8Array): void {
  for (const field of headerFields(bytes))
    assert.ok(field.nameStart < field.nameEnd && field.valueStart <= field.end)
  fieldValue(bytes, 'subject')
  selectHeaders(bytes, ['from', 'to'], (bytes[0] ?? 0) % 2 === 0)
}

/** What was read is written and reads back as itself once it has been through the writer. */
function authResults(bytes: Uint8Array): void {
  const text = latin1(bytes)
  parseArcAuthResults(text)
  const read = parseAuthResults(text)
  const field = Buffer.from(`Authentication-Results: ${text}\r\n`, 'latin1')
  const forged = forgedResults(field, ['mx.example', read?.authservId ?? 'x'])
  if (read !== undefined && fieldValue(field, 'authentication-results') === text) {
    assert.equal(forged.length, 1)
  }
  if (read === undefined) return
  const written = composeAuthResults(read, { utf8: true })
  const again = parseAuthResults(fieldValue(Buffer.from(written), 'authentication-results') ?? '')
  assert.ok(again !== undefined && again.results.length === read.results.length)
  assert.equal(composeAuthResults(again, { utf8: true }), written)
}

function feedbackFields(bytes: Uint8Array): void {
  const read = parseFeedbackFields(Buffer.concat([Buffer.from('Feedback-Type: abuse\r\n'), bytes]))
  assert.ok(read !== undefined)
  const written = composeFeedbackFields(read)
  for (const line of written.split('\r\n')) assert.match(line, /^[ -~]{0,998}$/)
  const again = parseFeedbackFields(Buffer.from(written))
  assert.equal(again?.reportedUris.length, read.reportedUris.length)
}

function dispositionFields(bytes: Uint8Array): void {
  const known = Buffer.from('Disposition: manual-action/MDN-sent-manually; displayed\r\nX: y\r\n')
  const read = parseMdnFields(Buffer.concat([known, bytes]))
  assert.ok(read !== undefined)
  const written = composeMdnFields(read)
  for (const line of written.split('\r\n')) assert.match(line, /^[ -~]{0,998}$/)
  const again = parseMdnFields(Buffer.from(written))
  assert.deepEqual(again?.disposition, read.disposition)
}

const encodings = ['base64', 'quoted-printable', 'x-uuencode', '8bit']

function bodies(bytes: Uint8Array): void {
  const encoding = encodings[(bytes[0] ?? 0) % encodings.length]!
  const input = bytes.subarray(1)
  const decoder = transferDecoder(encoding)!
  const half = input.length >> 1
  const parts = [decoder.push(input.subarray(0, half)), decoder.push(input.subarray(half)), decoder.end()]
  assert.ok(Buffer.concat(parts).equals(decodeBody(input, encoding)))
}

const charsets = ['utf-8', 'utf-7', 'iso-2022-jp', 'gb18030', 'utf-16', 'cp850', 'nonsense', undefined]

const structureParser = 'MIME structure'
const bodyParser = 'MIME bodies'
const fieldParser = 'header fields'

/** What is in clear may not bring control characters with it. */
function unitext(bytes: Uint8Array): void {
  const given = Buffer.from(bytes).toString('utf8')
  assert.match(unitextInAscii(given), /^[\x00-\x7f]*$/)
  assert.ok(/\p{Cc}/u.test(given) || !/\p{Cc}/u.test(addressOfUnitext(given)))
}

/** What others claim to report: bounded, and in clear. */
function reports(bytes: Uint8Array): void {
  const { recipients } = readDeliveryStatus(bytes)
  const said = recipients.flatMap(({ addresses, smtpReply = '', status = '' }) => [
    ...addresses,
    smtpReply,
    status,
  ])
  const disposition = readDisposition(bytes)
  for (const text of [...said, ...(disposition?.addresses ?? []), disposition?.disposition ?? ''])
    assert.ok(text.length <= 2000 && !/[\r\n\0]/.test(text))
}

/** A mailbox is what the readers of addresses take it for. */
function mailbox(bytes: Uint8Array): void {
  const given = Buffer.from(bytes).toString('utf8')
  const path = readMailbox(given)
  if (path === undefined) return
  assert.equal(path.address, given)
  assert.equal(splitAddress(given)?.domain, path.domain)
}

export const targets: readonly {
  readonly name: string
  readonly parser: string
  run(bytes: Uint8Array): void
}[] = [
  { name: 'message structure', parser: structureParser, run: structure },
  { name: 'message stored structure', parser: structureParser, run: storedStructure },
  { name: 'message body', parser: bodyParser, run: bodies },
  {
    name: 'message charset',
    parser: bodyParser,
    run: (b) => void decodeText(b.subarray(1), '8bit', charsets[(b[0] ?? 0) % charsets.length], true),
  },
  { name: 'message html', parser: bodyParser, run: (b) => void htmlToText(latin1(b)) },
  { name: 'message headers', parser: fieldParser, run: headers },
  { name: 'message report', parser: fieldParser, run: reports },
  { name: 'message mailbox', parser: fieldParser, run: mailbox },
  {
    name: 'message address list',
    parser: fieldParser,
    run: (b) => void addressText(parseAddresses(latin1(b))),
  },
  { name: 'message authentication results', parser: fieldParser, run: authResults },
  { name: 'message unitext', parser: fieldParser, run: unitext },
  { name: 'message feedback report', parser: fieldParser, run: feedbackFields },
  { name: 'message disposition notification', parser: fieldParser, run: dispositionFields },
  { name: 'message date', parser: fieldParser, run: (b) => void parseDate(latin1(b)) },
  {
    name: 'message encoded words',
    parser: fieldParser,
    run: (b) => void baseSubject(decodeHeaderText(latin1(b))),
  },
  {
    name: 'message parameters',
    parser: fieldParser,
    run: (b) => void [parseContentType(latin1(b)), parseDisposition(latin1(b))],
  },
  { name: 'message identifiers', parser: fieldParser, run: (b) => void messageIds(latin1(b)) },
]
