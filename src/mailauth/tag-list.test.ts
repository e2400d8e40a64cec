import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SyntaxFault } from '#base/fault.ts'
import { base64Value, colonList, parseTagList, withoutSpace } from './tag-list.ts'

const values = (text: string) =>
  Object.fromEntries([...parseTagList(text)].map(([name, { value }]) => [name, value]))

test('tags with white space and folding around them (RFC 6376 §3.2)', () => {
  assert.deepEqual(values('v=1'), { v: '1' })
  assert.deepEqual(values(' v = 1 ;\r\n\ta_1=\r\n x y\t; Z9=;'), { v: '1', a_1: 'x y', Z9: '' })
  assert.deepEqual(values('a=1; \r\n '), { a: '1' })
  // Folding inside a value stays, and so does the case of a name.
  assert.deepEqual(values('b=x\r\n y;B=2'), { b: 'x\r\n y', B: '2' })
  assert.deepEqual(values('b==;c=a=b'), { b: '=', c: 'a=b' })
  assert.deepEqual(values('d=b\xc3\xbccher.example'), { d: 'b\xc3\xbccher.example' })
})

test('where a value stands, with the white space around it', () => {
  const text = 'a=1; b =\r\n xyz ;c=3'
  const { start, end } = parseTagList(text).get('b')!
  assert.equal(text.slice(0, start) + text.slice(end), 'a=1; b =;c=3')
})

test('what is no tag list', () => {
  const malformed = {
    '': /no tag/,
    ' \r\n ': /no tag/,
    ';': /no tag/,
    'a=1;;b=2': /no tag/,
    'a=1;;': /no tag/,
    '=1': /no tag/,
    '1a=1': /no tag/,
    a: /no "="/,
    'a b=1': /no "="/,
    'a=1; b; c=2': /no "="/,
    'a-b=1': /no "="/,
    'a=1;b=2;a=1': /twice/,
    'a=1\r\n;b=2': /bare line end/,
    'a=1\r\n': /bare line end/,
    'a=1\n b=2': /bare line end/,
    'a=\r 1': /bare line end/,
    'a=\0': /control/,
    'a=\x7f': /control/,
  }
  for (const [text, message] of Object.entries(malformed)) {
    assert.throws(
      () => parseTagList(text),
      (error) => error instanceof SyntaxFault && message.test(error.message),
      JSON.stringify(text),
    )
  }
})

test('any text: a list or a SyntaxFault, and values without ";" between their ends', () => {
  const piece = fc.constantFrom('a', 'b', '=', ';', ' ', '\r\n ', '\n', 'x1_', '\xe4', '\0')
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const text = pieces.join('')
      try {
        for (const [name, { value, start, end }] of parseTagList(text)) {
          assert.ok(text.slice(0, start).trimEnd().endsWith('='))
          assert.ok(end === text.length || text[end] === ';')
          assert.equal(text.slice(start, end).trim(), value)
          assert.match(name, /^[A-Za-z]\w*$/)
        }
      } catch (error) {
        if (!(error instanceof SyntaxFault)) throw error
        assert.ok(error.offset >= 0 && error.offset <= text.length)
      }
    }),
  )
})

test('lists, base64 and white space in values', () => {
  assert.deepEqual(colonList('From : to\r\n :date::'), ['From', 'to', 'date', '', ''])
  assert.equal(withoutSpace(' a\r\n\tb c '), 'abc')
  assert.equal(base64Value('AQ\r\n ID')?.toString('hex'), '010203')
  assert.equal(base64Value('AQI')?.toString('hex'), '0102')
  assert.equal(base64Value('')?.length, 0)
  for (const text of ['A-_B', 'AQ=ID', 'AQ===', 'AQ;D', '\xe4']) assert.equal(base64Value(text), undefined)
})
