import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { foldText, sortKey } from './fold-text.ts'

test('title case, then decomposition (RFC 5051 §2)', () => {
  const examples: Record<string, string> = {
    'Hello [1]': 'HELLO [1]',
    '\u01c4': 'Dz\u030c',
    '\u01c6': 'Dz\u030c',
    '\u01c5': 'Dz\u030c',
    é: 'E\u0301',
    'e\u0301': 'E\u0301',
    ß: 'ß',
    '\ufb01': 'fi',
    'ς σ Σ': 'Σ Σ Σ',
    ı: 'I',
    '\u1f80': '\u0391\u0313\u0345',
    '\u1fb3': '\u0391\u0345',
    '\u1fb2': '\u03b1\u0300\u0345',
    აბგ: 'აბგ',
    '\uff21': 'A',
    '①': '1',
    각: '각',
    '\u1100\u1161\u11a8': '각',
  }
  for (const [text, folded] of Object.entries(examples)) assert.equal(foldText(text), folded, text)
})

test('texts that differ in case and composition only are the same', () => {
  assert.equal(foldText('Ärger IN PARIS'), foldText('a\u0308rger in paris'))
  assert.ok(foldText('Café').includes(foldText('CAFE')))
  assert.ok(!foldText('Cafe').includes(foldText('café')))
})

test('order is that of UTF-8, also beyond the first plane', () => {
  const unit = fc.constantFrom('1', '漢', '\ue000', '\uffff', '😀', '\u{10ffff}', '\u{e000}')
  const caseless = fc.string({ unit })
  fc.assert(
    fc.property(caseless, caseless, (a, b) => {
      const [x, y] = [sortKey(a), sortKey(b)]
      const order = x < y ? -1 : x > y ? 1 : 0
      assert.equal(order, Buffer.compare(Buffer.from(a), Buffer.from(b)))
      assert.equal(foldText(a).includes(foldText(b)), Buffer.from(a).includes(Buffer.from(b)))
    }),
  )
})
