/** Exact ENVELOPE, BODY and BODYSTRUCTURE of hand-written messages, checked against RFC 9051 §7.5.2 and §9. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isBodyStructure, isEnvelope } from './grammar-check.ts'
import { parseStructure } from './mime.ts'
import { encodeStructure, StoredStructure } from './structure-codec.ts'

function store(...lines: string[]): StoredStructure {
  const stored = new StoredStructure(
    encodeStructure(parseStructure(Buffer.from(lines.join('\r\n'), 'latin1'))),
  )
  assert.ok(isEnvelope(stored.envelopeWire))
  assert.ok(isBodyStructure(stored.bodyWire, false))
  assert.ok(isBodyStructure(stored.bodyStructureWire, true))
  return stored
}

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')
const envelope = (...lines: string[]): string => latin1(store(...lines, '', '').envelopeWire)
const bodyStructure = (...lines: string[]): string => latin1(store(...lines).bodyStructureWire)

test('the envelope of RFC 9051 §8', () => {
  assert.equal(
    envelope(
      'Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)',
      'From: Terry Gray <gray@cac.washington.edu>',
      'Subject: IMAP4rev2 WG mtg summary and minutes',
      'To: imap@cac.washington.edu',
      'cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>',
      'Message-Id: <B27397-0100000@cac.washington.edu>',
    ),
    '("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev2 WG mtg summary and minutes" ' +
      '(("Terry Gray" NIL "gray" "cac.washington.edu")) (("Terry Gray" NIL "gray" "cac.washington.edu")) ' +
      '(("Terry Gray" NIL "gray" "cac.washington.edu")) ((NIL NIL "imap" "cac.washington.edu")) ' +
      '((NIL NIL "minutes" "CNRI.Reston.VA.US")("John Klensin" NIL "KLENSIN" "MIT.EDU")) NIL NIL ' +
      '"<B27397-0100000@cac.washington.edu>")',
  )
})

test('absent and empty fields of an envelope', () => {
  assert.equal(envelope('X: y'), '(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)')
  assert.equal(
    envelope('Date:', 'Subject: ', 'From:', 'Sender: s@x', 'To:', 'In-Reply-To:', 'Message-ID:'),
    '("" "" NIL ((NIL NIL "s" "x")) NIL NIL NIL NIL "" "")',
  )
  assert.equal(
    envelope('From: a@x', 'Sender: s@x', 'Reply-To:'),
    '(NIL NIL ((NIL NIL "a" "x")) ((NIL NIL "s" "x")) ((NIL NIL "a" "x")) NIL NIL NIL NIL NIL)',
  )
})

test('groups, quoting and 8-bit text in an envelope', () => {
  assert.equal(
    envelope('To: Team "A":"B \\"C\\"" <b@x>;', 'Subject: say "a\\b"', 'Cc: \xe9 <@r,@s:c@x>', 'Bcc: \0n@x'),
    '(NIL "say \\"a\\\\b\\"" NIL NIL NIL ((NIL NIL "Team A" NIL)("B \\"C\\"" NIL "b" "x")(NIL NIL NIL NIL)) ' +
      '(({1}\r\n\xe9 "@r,@s" "c" "x")) ((NIL NIL "n" "x")) NIL NIL)',
  )
})

test('a plain message', () => {
  const stored = store('Subject: x', '', 'one', 'two', '')
  assert.equal(latin1(stored.bodyWire), '("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 10 2)')
  assert.equal(
    latin1(stored.bodyStructureWire),
    '("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 10 2 NIL NIL NIL NIL)',
  )
})

test('every field of a part that is not a multipart', () => {
  assert.equal(
    bodyStructure(
      'Content-Type: Application/PDF; name="a b.pdf"',
      'Content-Transfer-Encoding: Base64',
      'Content-ID: <id@x>',
      'Content-Description: the "plan"',
      'Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==',
      'Content-Disposition: Attachment; filename="a b.pdf"; size=3',
      'Content-Language: en, de-DE',
      'Content-Location: http://x/a',
      '',
      'QUJD',
    ),
    '("APPLICATION" "PDF" ("NAME" "a b.pdf") "<id@x>" "the \\"plan\\"" "BASE64" 4 "Q2hlY2sgSW50ZWdyaXR5IQ==" ' +
      '("ATTACHMENT" ("FILENAME" "a b.pdf" "SIZE" "3")) ("en" "de-DE") "http://x/a")',
  )
})

test('RFC 2045 §6.1 and §5.1: comments may stand before the first word, inside each other too', () => {
  assert.equal(
    bodyStructure(
      'Content-Type: (a (b) \\) c) (d) text/html; charset=utf-8',
      'Content-Transfer-Encoding: (once more) base64 (e)',
      'Content-Disposition: (f)inline',
      '',
      'QUJD',
    ),
    '("TEXT" "HTML" ("CHARSET" "utf-8") NIL NIL "BASE64" 4 0 NIL ("INLINE" NIL) NIL NIL)',
  )
})

test('the two-part message of RFC 9051 §7.5.2', () => {
  const text = `${'x'.repeat(78)}\r\n`.repeat(2)
  const stored = store(
    'Content-Type: multipart/mixed; boundary=b',
    '',
    '--b',
    'Content-Type: TEXT/PLAIN; CHARSET=US-ASCII',
    '',
    text,
    '--b',
    'Content-Type: TEXT/PLAIN; CHARSET=US-ASCII; NAME="cc.diff"',
    'Content-ID: <960723163407.20117h@cac.washington.edu>',
    'Content-Description: Compiler diff',
    'Content-Transfer-Encoding: BASE64',
    '',
    'QUJD',
    '--b--',
  )
  assert.equal(
    latin1(stored.bodyWire),
    '(("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 160 2)' +
      '("TEXT" "PLAIN" ("CHARSET" "US-ASCII" "NAME" "cc.diff") "<960723163407.20117h@cac.washington.edu>" ' +
      '"Compiler diff" "BASE64" 4 0) "MIXED")',
  )
  assert.match(latin1(stored.bodyStructureWire), / "MIXED" \("BOUNDARY" "b"\) NIL NIL NIL\)$/)
})

test('a multipart with a disposition and a language', () => {
  assert.equal(
    bodyStructure(
      'Content-Type: multipart/alternative; boundary=b',
      'Content-Disposition: inline',
      'Content-Language: fr',
      'Content-Location: here',
      '',
      '--b--',
    ),
    '(("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 5 0 NIL NIL NIL NIL) ' +
      '"ALTERNATIVE" ("BOUNDARY" "b") ("INLINE" NIL) ("fr") "here")',
  )
})

test('a message in a message', () => {
  const stored = store(
    'Content-Type: message/rfc822',
    '',
    'Subject: inner',
    'From: a@x',
    'Content-Type: text/html; charset=utf-8',
    '',
    '<p>Hi</p>',
    '',
  )
  const inner =
    '(NIL "inner" ((NIL NIL "a" "x")) ((NIL NIL "a" "x")) ((NIL NIL "a" "x")) NIL NIL NIL NIL NIL)'
  assert.equal(
    latin1(stored.bodyWire),
    `("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 80 ${inner} ("TEXT" "HTML" ("CHARSET" "utf-8") NIL NIL "7BIT" 11 1) 5)`,
  )
  assert.equal(
    latin1(stored.bodyStructureWire),
    `("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 80 ${inner} ` +
      '("TEXT" "HTML" ("CHARSET" "utf-8") NIL NIL "7BIT" 11 1 NIL NIL NIL NIL) 5 NIL NIL NIL NIL)',
  )
})

test('a message that cannot be looked into, since it is encoded', () => {
  assert.equal(
    latin1(
      store('Content-Type: message/rfc822', 'Content-Transfer-Encoding: base64', '', 'QUJD', '').bodyWire,
    ),
    '("MESSAGE" "RFC822" NIL NIL NIL "BASE64" 6 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) ' +
      '("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 0 0) 1)',
  )
})

test('other messages are basic parts', () => {
  assert.equal(
    bodyStructure('Content-Type: message/delivery-status', '', 'Reporting-MTA: dns; x', ''),
    '("MESSAGE" "DELIVERY-STATUS" NIL NIL NIL "7BIT" 23 NIL NIL NIL NIL)',
  )
})

test('parameters with a charset are decoded and named with an asterisk (RFC 9051 §7.5.2)', () => {
  assert.equal(
    bodyStructure(
      'Content-Type: image/png; name*0="long"; name*1="name.png"',
      "Content-Disposition: attachment; filename*0*=iso-8859-1''%E9; filename*1*=t%E9.png",
      '',
      '',
    ),
    '("IMAGE" "PNG" ("NAME" "longname.png") NIL NIL "7BIT" 0 NIL ' +
      '("ATTACHMENT" ("FILENAME*" {9}\r\n\xc3\xa9t\xc3\xa9.png)) NIL NIL)',
  )
})
