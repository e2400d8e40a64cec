import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeHeaderText, decodeStrictly } from './encoded-word.ts'
import { textWords } from './field-writer.ts'

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
  const encode = (text: string): string =>
    textWords(text, 67)
      .map(({ space, text: word }, i) => (i === 0 ? word : space + word))
      .join('')
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (input) => {
      const text = input.toWellFormed().replace(/\p{Cc}+/gu, ' ')
      const encoded = encode(text)
      assert.match(encoded, /^[\x20-\x7e]*$/)
      for (const word of encoded.split(' ')) assert.ok(word.length <= 75 || text.includes(word))
      assert.equal(decodeHeaderText(encoded), text)
      assert.equal(decodeStrictly(encoded), text)
    }),
  )
  assert.equal(encode('plain =?text'), 'plain =?utf-8?B?PT90ZXh0?=')
})

test('RFC 8621 §4.1.2.2: what is not where RFC 2047 has encoded words is none', () => {
  const word = '=?utf-8?Q?caf=C3=A9?='
  assert.equal(decodeStrictly(word), 'café')
  assert.equal(decodeStrictly(`a ${word} ${word} b`), 'a cafécafé b')
  for (const raw of [
    `a${word}`,
    `${word}b`,
    `(${word})`,
    `${word}${word}`,
    '=?no-such?Q?a?=',
    '=?utf-8?Q?a b?=',
  ])
    assert.equal(decodeStrictly(raw), raw)
  assert.equal(decodeStrictly('=?utf-8?Q?a=00=0D=0Ab=07?='), 'ab')
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
