import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeHeaderText, encodeHeaderText } from './encoded-word.ts'

test('the examples of RFC 2047 §8', () => {
  const examples = {
    '=?ISO-8859-1?Q?a?=': 'a',
    '=?ISO-8859-1?Q?a?= b': 'a b',
    '=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=': 'ab',
    '=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=': 'ab',
    '=?ISO-8859-1?Q?a_b?=': 'a b',
    '=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=': 'a b',
    '=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>': 'Keith Moore <moore@cs.utk.edu>',
    '=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?=': 'Keld Jørn Simonsen',
    '=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?= =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=':
      'If you can read this you understand the example.',
    '=?US-ASCII*EN?Q?Keith_Moore?=': 'Keith Moore',
  }
  for (const [raw, text] of Object.entries(examples)) assert.equal(decodeHeaderText(raw), text)
})

test('what senders do all the same', () => {
  // One character split over two words.
  assert.equal(decodeHeaderText('=?utf-8?B?w6nD?= =?utf-8?B?qQ==?='), 'éé')
  assert.equal(decodeHeaderText('=?utf-8?Q?=C3?= =?UTF-8?Q?=A9?='), 'é')
  assert.equal(decodeHeaderText('=?utf-8?B?w6k?= x'), 'é x')
  assert.equal(decodeHeaderText('=?utf-8?Q?a b?='), 'a b')
  assert.equal(decodeHeaderText('=?utf-8?Q?100%=?='), '100%=')
  assert.equal(decodeHeaderText('=?nonsense?Q?=E9?='), 'é')
  assert.equal(decodeHeaderText('Gr\xfc\xdfe'), 'Grüße')
  assert.equal(decodeHeaderText(Buffer.from('Grüße =?utf-8?Q?=C3=BC?=').toString('latin1')), 'Grüße ü')
  // Charsets with shift states begin each word anew.
  assert.equal(
    decodeHeaderText('=?ISO-2022-JP?B?GyRCJUYlOSVIGyhC?= =?ISO-2022-JP?B?GyRCJUYlOSVIGyhC?='),
    'テストテスト',
  )
})

test('what is no encoded word stays', () => {
  for (const raw of ['=?', '=??Q?a?=', '=?utf-8?X?a?=', '=?utf-8?Q?a', 'a =? b ?= c', '=?utf-8?Q']) {
    assert.equal(decodeHeaderText(raw), raw)
  }
  assert.equal(decodeHeaderText('=?utf-8?Q?a =?utf-8?Q?b?='), '=?utf-8?Q?a b')
})

test('encoding is undone by decoding, in words of at most 75 characters', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (input) => {
      const text = input.toWellFormed()
      const encoded = encodeHeaderText(text)
      assert.match(encoded, /^[\x20-\x7e]*$/)
      if (encoded !== text) for (const word of encoded.split(' ')) assert.ok(word.length <= 75)
      assert.equal(decodeHeaderText(encoded), text)
    }),
  )
  assert.equal(encodeHeaderText('plain =?text'), '=?utf-8?B?cGxhaW4gPT90ZXh0?=')
})

test('any text decodes, in linear time', () => {
  const piece = fc.constantFrom('=?', '?=', '?', 'utf-8', 'q', 'b', '=', '_', ' ', '\xc3', '*', 'iso-2022-jp')
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      assert.equal(typeof decodeHeaderText(pieces.join('')), 'string')
    }),
  )
  for (const unit of ['=?', '=?a?q?', '=?a?q?b?=', '=?a?b?']) {
    assert.equal(typeof decodeHeaderText(unit.repeat(60_000)), 'string')
  }
})
