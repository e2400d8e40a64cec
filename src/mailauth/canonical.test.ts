import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { latin1 } from '#base/bytes.ts'
import { headerFields } from '#message/headers.ts'
import { BodyHasher, canonicalField, type Canonicalization } from './canonical.ts'

const header = (text: string, method: Canonicalization): string =>
  [...headerFields(latin1(text))]
    .map((field) => canonicalField(latin1(text), field, method).toString('latin1'))
    .join('')

const sha256 = (text: string): string => createHash('sha256').update(text, 'latin1').digest('base64')

function hashBody(body: string, method: Canonicalization, limit?: number) {
  const hasher = new BodyHasher(method, limit)
  hasher.update(latin1(body))
  const { sha256, length } = hasher.end()
  return { sha256: sha256.toString('base64'), length }
}

/** That the canonical form is this one. */
function isCanonical(body: string, method: Canonicalization, canonical: string): void {
  const expected = { sha256: sha256(canonical), length: canonical.length }
  assert.deepEqual(hashBody(body, method), expected, JSON.stringify(body))
}

const exampleHeader = 'A: X\r\nB : Y\t\r\n\tZ  \r\n'
const exampleBody = ' C \r\nD \t E\r\n\r\n\r\n'

test('the examples of RFC 6376 §3.4.5', () => {
  assert.equal(header(exampleHeader, 'relaxed'), 'a:X\r\nb:Y Z\r\n')
  assert.equal(header(exampleHeader, 'simple'), exampleHeader)
  isCanonical(exampleBody, 'relaxed', ' C\r\nD E\r\n')
  isCanonical(exampleBody, 'simple', ' C \r\nD \t E\r\n')
})

test('the empty body (RFC 6376 §3.4.3, §3.4.4)', () => {
  assert.equal(hashBody('', 'simple').sha256, 'frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=')
  assert.equal(hashBody('', 'relaxed').sha256, '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=')
  for (const body of ['\r\n', '\r\n\r\n\r\n']) {
    isCanonical(body, 'simple', '\r\n')
    isCanonical(body, 'relaxed', '')
  }
  for (const body of [' ', ' \t\r\n', ' \r\n\t \r\n ']) isCanonical(body, 'relaxed', '')
  isCanonical(' ', 'simple', ' \r\n')
})

test('the end of a body', () => {
  for (const method of ['simple', 'relaxed'] as const) {
    for (const end of ['', '\r\n', '\r\n\r\n\r\n']) isCanonical(`a\r\n\r\nb${end}`, method, 'a\r\n\r\nb\r\n')
    isCanonical('\r\n\r\na', method, '\r\n\r\na\r\n')
    // A CR or LF alone is a byte like any other.
    isCanonical('a\r', method, 'a\r\r\n')
    isCanonical('a\n', method, 'a\n\r\n')
    isCanonical('a\r\r\n\n\r', method, 'a\r\r\n\n\r\r\n')
    isCanonical('\r\r\n', method, '\r\r\n')
  }
  isCanonical('a \r\n \r\n', 'simple', 'a \r\n \r\n')
  isCanonical('a \r\n \r\n ', 'relaxed', 'a\r\n')
  isCanonical('a \r b\r \r\n', 'relaxed', 'a \r b\r\r\n')
})

test('many empty lines that turn out to matter', () => {
  const lines = '\r\n'.repeat(20_000)
  isCanonical(`a${lines}`, 'relaxed', 'a\r\n')
  isCanonical(`a${lines}b`, 'relaxed', `a${lines}b\r\n`)
  isCanonical(`a ${lines}b`, 'relaxed', `a${lines}b\r\n`)
  isCanonical(`a${lines}b`, 'simple', `a${lines}b\r\n`)
})

test('a limit cuts the hash, not the length', () => {
  assert.deepEqual(hashBody(exampleBody, 'relaxed', 6), { sha256: sha256(' C\r\nD '), length: 9 })
  assert.deepEqual(hashBody(exampleBody, 'relaxed', 0), { sha256: sha256(''), length: 9 })
  assert.deepEqual(hashBody(exampleBody, 'relaxed', 9), { sha256: sha256(' C\r\nD E\r\n'), length: 9 })
  assert.deepEqual(hashBody('abc', 'simple', 4), { sha256: sha256('abc\r'), length: 5 })
})

test('fields in the relaxed form', () => {
  assert.equal(header('SUBJect: AbC\r\n', 'relaxed'), 'subject:AbC\r\n')
  assert.equal(header('A:\r\n', 'relaxed'), 'a:\r\n')
  assert.equal(header('A:\r\n \t \r\n \r\n', 'relaxed'), 'a:\r\n')
  assert.equal(header('A: \t\r\n b\t\tc\r\n  \r\n d\xe4\0 ', 'relaxed'), 'a:b c d\xe4\0\r\n')
  assert.equal(header('A: b:c \r\n', 'relaxed'), 'a:b:c\r\n')
  // What ends a field without CRLF is not changed by what it is made of.
  assert.equal(header('A: b\n', 'relaxed'), 'a:b\r\n')
  assert.equal(header('A: b\n', 'simple'), 'A: b\r\n')
  assert.equal(header('A: b', 'simple'), 'A: b\r\n')
  // A line that folds nothing keeps its line end.
  assert.equal(header('A: b \r\nno field\r\nC: d\r\n', 'relaxed'), 'a:b \r\nno field\r\nc:d\r\n')
})

const bodyPiece = fc.constantFrom(
  'a',
  'bc',
  ' ',
  '\t',
  '\r\n',
  '\r',
  '\n',
  '\r\n\r\n',
  '  \r\n',
  '\xe4',
  '=20',
)
const anyBody = fc.array(bodyPiece, { maxLength: 40 }).map((pieces) => pieces.join(''))

/** RFC 6376 §3.4.3, §3.4.4 word by word, over the whole body. */
function plainly(body: string, method: Canonicalization): string {
  const reduced = method === 'simple' ? body : body.replace(/[ \t]+(?=\r\n|$)/g, '').replace(/[ \t]+/g, ' ')
  const content = reduced.replace(/(\r\n)+$/, '')
  return content === '' && method === 'relaxed' ? '' : `${content}\r\n`
}

test('any split of any body gives what the text of the standard gives', () => {
  fc.assert(
    fc.property(
      anyBody,
      fc.constantFrom('simple' as const, 'relaxed' as const),
      fc.infiniteStream(fc.integer({ min: 0, max: 5 })),
      fc.option(fc.nat(30), { nil: Number.POSITIVE_INFINITY }),
      (body, method, sizes, limit) => {
        const hasher = new BodyHasher(method, limit)
        for (let at = 0; at < body.length;) {
          const size = sizes.next().value as number
          const chunk = latin1(body.slice(at, at + size))
          hasher.update(chunk)
          chunk.fill(0) // nothing of it may be needed later
          at += size
        }
        const canonical = plainly(body, method)
        const { sha256: digest, length } = hasher.end()
        assert.equal(length, canonical.length)
        assert.equal(digest.toString('base64'), sha256(canonical.slice(0, limit)))
      },
    ),
    { numRuns: 2000 },
  )
})
