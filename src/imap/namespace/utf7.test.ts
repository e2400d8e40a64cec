import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeUtf7, encodeUtf7 } from './utf7.ts'

const decode = (text: string): string | undefined => decodeUtf7(Buffer.from(text, 'latin1'))

test('the example of RFC 9051 §A.1', () => {
  assert.equal(decode('~peter/mail/&U,BTFw-/&ZeVnLIqe-'), '~peter/mail/台北/日本語')
  assert.equal(encodeUtf7('~peter/mail/台北/日本語'), '~peter/mail/&U,BTFw-/&ZeVnLIqe-')
  assert.equal(encodeUtf7('Entwürfe & Co'), 'Entw&APw-rfe &- Co')
})

test('what is not the one form of a text is refused', () => {
  assert.equal(decode('&Jjo!'), undefined)
  assert.equal(decode('&U,BTFw-&ZeVnLIqe-'), undefined, 'a superfluous shift')
  assert.equal(decode('&AGE-'), undefined, 'an encoded letter a')
  assert.equal(decode('a&b'), undefined)
  assert.equal(decode('&A-'), undefined)
  assert.equal(decode('&2AA-'), undefined, 'half a surrogate pair')
  assert.equal(decode('\u00fc'), undefined)
})

test('every text survives, and only one spelling decodes to it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      if (text.isWellFormed()) assert.equal(decode(encodeUtf7(text)), text)
    }),
  )
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('&', '-', 'A', 'B', ',', '+', 'z', 'U') }), (spelling) => {
      const text = decode(spelling)
      if (text !== undefined) assert.equal(encodeUtf7(text), spelling)
    }),
  )
})
