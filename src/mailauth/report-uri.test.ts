import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseReportUris } from './report-uri.ts'

const uris = (text: string): readonly string[] => parseReportUris(text).map(({ uri }) => uri)

test('addresses, with commas and spaces between', () => {
  assert.deepEqual(parseReportUris('mailto:a@Example.COM, mailto:b@xn--bcher-kva.example ,'), [
    { scheme: 'mailto', uri: 'mailto:a@Example.COM', address: 'a@example.com', domain: 'example.com' },
    {
      scheme: 'mailto',
      uri: 'mailto:b@xn--bcher-kva.example',
      address: 'b@xn--bcher-kva.example',
      domain: 'xn--bcher-kva.example',
    },
  ])
})

test('an obsolete limit of size is taken off (RFC 9989 §4.8)', () => {
  assert.deepEqual(uris('mailto:a@example.com!10m,mailto:b@example.com!50'), [
    'mailto:a@example.com',
    'mailto:b@example.com',
  ])
  assert.deepEqual(uris('mailto:a@example.com!10x,mailto:a!b@example.com'), [])
})

test('percent encoding is undone in the address, header fields are left out', () => {
  assert.deepEqual(parseReportUris('mailto:a%2Cb@example.com?subject=x'), [
    {
      scheme: 'mailto',
      uri: 'mailto:a%2Cb@example.com?subject=x',
      address: 'a,b@example.com',
      domain: 'example.com',
    },
  ])
})

test('what cannot be sent to is left out', () => {
  for (const bad of [
    '',
    'a@example.com',
    'mailto:',
    'mailto:a',
    'mailto:a@',
    'mailto:a@[192.0.2.1]',
    'mailto:a@b..c',
    'mailto:a%0D%0ABcc:x@example.com',
    'mailto:a%@example.com',
    'mailto:a b@example.com',
    'mailto:<a@example.com>',
    'ftp://example.com/x',
    'http://example.com/x',
    'https://user:secret@example.com/',
    'https://',
  ]) {
    assert.deepEqual(parseReportUris(bad), [], bad)
  }
  assert.deepEqual(uris('https://reports.example/v1'), ['https://reports.example/v1'])
})

test('repetitions count once, and only the first ten are kept', () => {
  assert.deepEqual(uris('mailto:a@example.com,mailto:a@example.com'), ['mailto:a@example.com'])
  const many = Array.from({ length: 50 }, (_, i) => `mailto:a${i}@example.com`)
  assert.deepEqual(uris(many.join()), many.slice(0, 10))
})

test('any text gives addresses without line ends, or nothing', () => {
  const piece = fc.oneof(
    fc.constantFrom('mailto:', '%0d%0a', '%', '@', 'a@b.example', ',', '!1m', 'https://', '?', '[', ' '),
    fc.string({ unit: 'binary', maxLength: 4 }),
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      for (const one of parseReportUris(pieces.join(''))) {
        assert.match(one.uri, /^[\x21-\x7e]+$/)
        if (one.scheme === 'mailto') assert.match(one.address, /^[^\r\n]+@[a-z0-9._-]+$/)
      }
    }),
    { numRuns: 2000 },
  )
})
