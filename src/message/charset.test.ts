import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeCharset } from './charset.ts'

const decode = (charset: string | undefined, ...bytes: number[]): string =>
  decodeCharset(Uint8Array.from(bytes), charset)

test('charsets of TextDecoder, of iconv-lite and UTF-7', () => {
  assert.equal(decode('UTF-8', 0xef, 0xbb, 0xbf, 0xc3, 0xa9), 'é')
  assert.equal(decode('iso-8859-15', 0xa4), '€')
  assert.equal(decode('windows-1251', 0xcf), 'П')
  assert.equal(decode('shift_jis', 0x83, 0x65), 'テ')
  assert.equal(decode('gb18030', 0xc4, 0xe3), '你')
  assert.equal(decode('ibm850', 0x82), 'é')
  assert.equal(decode('cp437', 0x82), 'é')
  assert.equal(decode('x-cp850', 0x82), 'é')
  assert.equal(decodeCharset(Buffer.from('Hi Mom -+Jjo--!'), 'utf-7'), 'Hi Mom -☺-!')
  assert.equal(decodeCharset(Buffer.from('A+ImIDkQ.'), 'UTF-7'), 'A≢Α.')
  assert.equal(decodeCharset(Buffer.from('1 +- 1 +'), 'utf-7'), '1 + 1 ')
})

test('without a charset that means something, UTF-8 or windows-1252', () => {
  for (const charset of [undefined, '', 'us-ascii', 'x-unknown', 'nonsense', 'base64', 'hex']) {
    assert.equal(decode(charset, 0xc3, 0xa9), 'é', charset)
    assert.equal(decode(charset, 0xe9, 0x80), 'é€', charset)
  }
})

test('a cut character at the end is left out', () => {
  const euro = Buffer.from('a€')
  for (const charset of ['utf-8', 'us-ascii', undefined]) {
    for (const length of [1, 2, 3]) assert.equal(decodeCharset(euro.subarray(0, length), charset, true), 'a')
    assert.equal(decodeCharset(euro, charset, true), 'a€')
  }
  assert.equal(decodeCharset(Uint8Array.of(0x61, 0x83), 'shift_jis', true), 'a')
})

test('any bytes in any charset give text', () => {
  const names = fc.oneof(
    fc.string({ maxLength: 12 }),
    fc.constantFrom('utf-16', 'utf-7', 'hz-gb-2312', 'iso-2022-jp', 'big5', 'cp437', 'utf-32'),
  )
  fc.assert(
    fc.property(fc.uint8Array(), names, fc.boolean(), (bytes, charset, cut) => {
      assert.equal(typeof decodeCharset(bytes, charset, cut), 'string')
    }),
  )
})
