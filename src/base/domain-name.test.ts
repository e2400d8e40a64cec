import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  foldAddress,
  isFullHostName,
  normaliseAddress,
  normaliseDomain,
  splitAddress,
  unicodeDomain,
} from './domain-name.ts'

const label = fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,10}[a-z0-9])?$/)
const domain = fc
  .tuple(fc.array(label, { maxLength: 3 }), fc.stringMatching(/^[a-z]{2,6}$/))
  .map(([labels, last]) => [...labels, last].join('.'))

test('the one spelling of a domain', () => {
  const cases: Record<string, string> = {
    'Example.ORG': 'example.org',
    'example.org.': 'example.org',
    'MÜNCHEN.example': 'xn--mnchen-3ya.example',
    'XN--MNCHEN-3YA.example': 'xn--mnchen-3ya.example',
    'faß.de': 'xn--fa-hia.de',
    'ü。de': 'xn--tda.de',
    localhost: 'localhost',
    '_dmarc.example.org': '_dmarc.example.org',
    '1.2.3.4.example': '1.2.3.4.example',
    '3com.com': '3com.com',
  }
  for (const [text, name] of Object.entries(cases)) assert.equal(normaliseDomain(text), name, text)
  assert.equal(unicodeDomain('xn--mnchen-3ya.example'), 'münchen.example')
})

test('what is no domain', () => {
  const wrong = [
    '',
    '.',
    '..',
    'a..b',
    '.a',
    'a..',
    '-a.b',
    'a-.b',
    'a b',
    'a/b',
    'ü/b',
    'ü@b',
    'ü:80',
    'ü%41.de',
    '1.2.3.4',
    '１.2.3.4',
    '[1.2.3.4]',
    '1.2',
    'a\u0000b',
    'a\nb',
    '*.example.org',
    '٣.ü',
    `${'a'.repeat(64)}.b`,
    `${'ü'.repeat(62)}.b`,
    Array(128).fill('a').join('.'),
  ]
  for (const text of wrong) assert.equal(normaliseDomain(text), undefined, JSON.stringify(text))
  assert.equal(normaliseDomain(Array(127).fill('a').join('.'))?.length, 253)
})

test('normalising a domain twice changes nothing, and never throws', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const once = normaliseDomain(text)
      if (once !== undefined) assert.equal(normaliseDomain(once), once)
    }),
  )
  fc.assert(fc.property(domain, (name) => normaliseDomain(name.toUpperCase()) === name))
})

test('full host names', () => {
  assert(isFullHostName('mail.example.org'))
  assert(!isFullHostName('localhost'))
  assert(!isFullHostName('a_b.example.org'))
})

test('addresses are split at the right place', () => {
  const cases: [string, string, string][] = [
    ['Alice@Example.org', 'Alice', 'example.org'],
    ['"a@b"@example.org', '"a@b"', 'example.org'],
    ['"a\\"@b"@example.org', '"a\\"@b"', 'example.org'],
    ['"a b"@example.org', '"a b"', 'example.org'],
    ['jürgen@münchen.example', 'jürgen', 'xn--mnchen-3ya.example'],
    ['a..b@docomo.example', 'a..b', 'docomo.example'],
    ['postmaster@[192.0.2.1]', 'postmaster', '[192.0.2.1]'],
    ['x@[ipv6:2001:DB8:0::1]', 'x', '[IPv6:2001:db8::1]'],
    ['x@[IPv6:::ffff:192.0.2.1]', 'x', '[192.0.2.1]'],
  ]
  for (const [address, localPart, at] of cases)
    assert.deepEqual(splitAddress(address), { localPart, domain: at }, address)
  assert.equal(normaliseAddress('"A@b"@Example.ORG.'), '"A@b"@example.org')
})

test('what is no address', () => {
  const wrong = [
    '',
    '@',
    'a',
    'a@',
    '@b.example',
    'a@b@c.example',
    '"a@b.example',
    '"a"b@c.example',
    'a"@c.example',
    'a b@c.example',
    'a\r\n@c.example',
    '"a\nb"@c.example',
    'a@[192.0.2]',
    'a@[192.0.2.1',
    'a@[::1]',
    'a@[IPv6:192.0.2.1]',
    'a@[IPv6:fe80::1%eth0]',
    '\ud800@c.example',
    `${'a'.repeat(256)}@c.example`,
    'a@1.2.3.4',
  ]
  for (const address of wrong) assert.equal(splitAddress(address), undefined, JSON.stringify(address))
})

test('local look-up ignores case, quotes and the spelling of umlauts', () => {
  const same = ['Alice.Smith@Example.org', '"alice.smith"@example.org', '"\\a\\lice.smith"@EXAMPLE.org.']
  for (const address of same) assert.equal(foldAddress(address), 'alice.smith@example.org')
  assert.equal(foldAddress('JU\u0308RGEN@münchen.example'), 'j\u00fcrgen@xn--mnchen-3ya.example')
  assert.equal(foldAddress('"A B"@example.org'), 'a b@example.org')
  assert.equal(foldAddress('""@example.org'), undefined)
})

test('a quoted local part of any characters is found again whole', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, maxLength: 40 }), domain, (text, name) => {
      const quoted = `"${text.replaceAll(/["\\]/g, '\\$&')}"`
      assert.deepEqual(splitAddress(`${quoted}@${name}`), { localPart: quoted, domain: name })
      assert.equal(foldAddress(`${quoted}@${name}`), `${text.toLowerCase()}@${name}`)
    }),
  )
})

test('arbitrary text never throws, and what is normalised stays', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom('"', '\\', '@', 'a', 'Ü', '.', '[', ']', ':', '1', ' ') }),
  )
  fc.assert(
    fc.property(text, (t) => {
      const once = normaliseAddress(t)
      if (once !== undefined) assert.equal(normaliseAddress(once), once)
    }),
  )
})
