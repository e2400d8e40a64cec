import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { unicodeCasemap } from './unicode-casemap.ts'

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
    Ａ: 'A',
    '①': '1',
  }
  for (const [text, key] of Object.entries(examples)) assert.equal(unicodeCasemap(text), key, text)
})

test('keys are equal for texts that differ in case and composition only', () => {
  assert.equal(unicodeCasemap('Ärger IN PARIS'), unicodeCasemap('a\u0308rger in paris'))
  assert.ok(unicodeCasemap('Müller').includes(unicodeCasemap('mull')) === false)
  assert.ok(unicodeCasemap('Café').includes(unicodeCasemap('CAFE')))
})

test('order is that of UTF-8, also beyond the first plane', () => {
  const caseless = fc.string({
    unit: fc.constantFrom('1', '漢', '\ue000', '\uffff', '😀', '\u{10ffff}', '\u{e000}'),
  })
  fc.assert(
    fc.property(caseless, caseless, (a, b) => {
      const [x, y] = [unicodeCasemap(a), unicodeCasemap(b)]
      const order = x < y ? -1 : x > y ? 1 : 0
      assert.equal(order, Buffer.compare(Buffer.from(a), Buffer.from(b)))
      assert.equal(x.includes(y), Buffer.from(a).includes(Buffer.from(b)))
    }),
  )
})
