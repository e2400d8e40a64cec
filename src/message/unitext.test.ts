import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { addressOfUnitext, originalOf, unitextInAscii } from './unitext.ts'

test('RFC 6533 §3: characters beyond ASCII, and those that a parameter may not have', () => {
  assert.equal(addressOfUnitext('n\\x{F6}body@example.org'), 'nöbody@example.org')
  assert.equal(addressOfUnitext('nöbody@\\x{4F8B}.example'), 'nöbody@例.example')
  assert.equal(addressOfUnitext('a\\x{2B}b\\x{3D}c@example.org'), 'a+b=c@example.org')
  assert.equal(addressOfUnitext('"\\x{5C}x{41}"@example.org'), '"\\x{41}"@example.org')
  assert.equal(addressOfUnitext('\\x{1F600}@example.org'), '😀@example.org')
  assert.equal(unitextInAscii('nöbody@例.example'), 'n\\x{F6}body@\\x{4F8B}.example')
  assert.equal(unitextInAscii('😀\\x{2B}a@example.org'), '\\x{1F600}\\x{2B}a@example.org')
})

test('what is of another form stays as it was given', () => {
  const others = [
    'a\\b',
    '\\x{41}@x',
    '\\x{D800}',
    '\\x{110000}',
    '\\x{0A}',
    '\\x{85}',
    '\\x{F}',
    '\\x{F6',
    '\\x',
  ]
  for (const given of others) assert.equal(addressOfUnitext(given), given)
})

test('both forms mean the same address, whatever it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (address) => {
      if (/\p{Cc}/u.test(address)) return
      const given = originalOf(`${address}ö`).slice('utf-8;'.length)
      assert.equal(addressOfUnitext(given), `${address}ö`)
      const ascii = unitextInAscii(given)
      assert.match(ascii, /^[\x21-\x7e]*$/)
      assert.equal(addressOfUnitext(ascii), `${address}ö`)
    }),
  )
})

test('an address is of the type that it needs', () => {
  assert.equal(originalOf('bob+1@example.org'), 'rfc822;bob+1@example.org')
  assert.equal(originalOf('jörg+1@example.org'), 'utf-8;jörg\\x{2B}1@example.org')
})
