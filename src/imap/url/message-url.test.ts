import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseMessageUrl } from './message-url.ts'

const whole = { part: [], text: 'WHOLE', names: [] }

test('URLs of messages and parts, in any case (RFC 5092 §9, RFC 4469)', () => {
  assert.deepEqual(parseMessageUrl('/gray-council;UIDVALIDITY=385759045/;UID=20/;PARTIAL=0.1024'), {
    path: 'gray-council',
    uidValidity: 385_759_045,
    uid: 20,
    section: whole,
    partial: { offset: 0, length: 1024 },
  })
  assert.deepEqual(parseMessageUrl('/gray-council/;uid=20/;section=1.2'), {
    path: 'gray-council',
    uidValidity: undefined,
    uid: 20,
    section: { part: [1, 2], text: 'WHOLE', names: [] },
    partial: undefined,
  })
  assert.equal(
    parseMessageUrl('/~peter/%E6%97%A5%E6%9C%AC%E8%AA%9E/%E5%8F%B0%E5%8C%97/;UID=1')?.path,
    '~peter/日本語/台北',
  )
  assert.equal(parseMessageUrl('/inbox/;UID=1')?.path, 'INBOX')
  assert.equal(parseMessageUrl(';UID=7/;SECTION=HEADER')?.path, undefined)
  assert.deepEqual(parseMessageUrl('/a/;UID=1/;SECTION=1.HEADER.FIELDS%20(Subject%20To)/;PARTIAL=5'), {
    path: 'a',
    uidValidity: undefined,
    uid: 1,
    section: { part: [1], text: 'HEADER.FIELDS', names: ['Subject', 'To'] },
    partial: { offset: 5, length: 0xffff_ffff },
  })
})

test('dot segments go before anything is read, unless they are encoded (RFC 5092 §7)', () => {
  assert.equal(parseMessageUrl('/a/../b/./c/;UID=1')?.path, 'b/c')
  assert.equal(parseMessageUrl('/../../b/;UID=1')?.path, 'b')
  assert.equal(parseMessageUrl('/a/%2e%2e/b/;UID=1')?.path, 'a/../b')
  assert.equal(parseMessageUrl('/foo/;UID=20/..'), undefined)
  assert.equal(parseMessageUrl('/..;UIDVALIDITY=385759045/;UID=20')?.path, '..')
})

test('what leads to no message of this session is none', () => {
  for (const url of [
    '',
    '/',
    '/INBOX',
    '/INBOX?SUBJECT%20shadows',
    'INBOX/;UID=1',
    'imap://example.org/INBOX/;UID=1',
    '//example.org/INBOX/;UID=1',
    '/INBOX/;UID=0',
    '/INBOX/;UID=01',
    '/INBOX/;UID=4294967296',
    '/INBOX/;UID=99999999999999999999',
    '/INBOX;UIDVALIDITY=0/;UID=1',
    '/INBOX;UIDVALIDITY=4294967296/;UID=1',
    '/INBOX/;UID=1/',
    '/INBOX/;UID=1/;SECTION=',
    '/INBOX/;UID=1/;SECTION=0',
    '/INBOX/;UID=1/;SECTION=MIME',
    '/INBOX/;UID=1/;SECTION=1]%20BODY%5B',
    '/INBOX/;UID=1/;SECTION=HEADER.FIELDS%20(%7B99999999999%7D%0D%0Ax)',
    '/INBOX/;UID=1/;PARTIAL=1.0',
    '/INBOX/;UID=1/;PARTIAL=4294967296',
    '/INBOX/;UID=1;URLAUTH=anonymous',
    '/IN BOX/;UID=1',
    '/INBÖX/;UID=1',
    '/IN%FFBOX/;UID=1',
    '/IN%BOX/;UID=1',
    '/;UID=1',
    `/${'a'.repeat(4096)}/;UID=1`,
  ])
    assert.equal(parseMessageUrl(url), undefined, url)
})

test('any name comes back as it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 50 }), (text) => {
      const name = text.normalize('NFC').replaceAll('/', '|').toWellFormed()
      fc.pre(!/^inbox$/i.test(name) && name !== '.' && name !== '..')
      assert.equal(parseMessageUrl(`/${encodeURIComponent(name)}/;UID=1`)?.path, name)
    }),
  )
})

test('any text is a URL or not, and nothing is thrown', () => {
  const piece = fc.constantFrom(
    '/',
    ';UID=',
    ';SECTION=',
    ';PARTIAL=',
    ';UIDVALIDITY=',
    '1',
    '.',
    '..',
    '%',
    '%41',
    'a',
    '[',
    '(',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => void parseMessageUrl(pieces.join(''))),
  )
  fc.assert(fc.property(fc.string({ unit: 'binary-ascii' }), (text) => void parseMessageUrl(text)))
})
