import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeBody, decodeText, transferDecoder } from './body.ts'

const decode = (encoding: string, text: string): string =>
  decodeBody(Buffer.from(text, 'latin1'), encoding).toString('latin1')

test('base64, also as it should not be', () => {
  assert.equal(decode('base64', 'SGVs\r\nbG8=\r\n'), 'Hello')
  assert.equal(decode('BASE64', 'SGVsbG8'), 'Hello')
  assert.equal(decode('base64', 'SG Vs!bG8='), 'Hello')
  assert.equal(decode('base64', 'SGVsbG8=IHdvcmxk'), 'Hello world')
  assert.equal(decode('base64', '_-__'), '\xff\xef\xff')
  assert.equal(decode('base64', 'SGVsbG8=A'), 'Hello')
  assert.equal(decode('base64', '===='), '')
})

test('quoted-printable (RFC 2045 §6.7)', () => {
  assert.equal(
    decode('quoted-printable', "Now's the time =\r\nfor all folk=\n."),
    "Now's the time for all folk.",
  )
  assert.equal(decode('quoted-printable', 'a=3Db=3d=E9'), 'a=b=\xe9')
  assert.equal(decode('quoted-printable', 'soft = \t\r\nbreak'), 'soft break')
  assert.equal(decode('quoted-printable', 'padded \t\r\nline  \n'), 'padded\r\nline\n')
  assert.equal(decode('quoted-printable', 'a=XYb=4 =zz ==.'), 'a=XYb=4 =zz ==.')
  assert.equal(decode('quoted-printable', '==41=\r\n=42='), '=AB')
  assert.equal(decode('quoted-printable', 'a\rb = c'), 'a\rb = c')
  assert.equal(decode('quoted-printable', `a${' '.repeat(5000)}b`), `a${' '.repeat(5000)}b`)
})

test('uuencode', () => {
  assert.equal(decode('x-uuencode', 'text\nbegin 644 a.txt\n%2&5L;&\\\n`\nend\nmore'), 'Hello')
  assert.equal(decode('x-uuencode', 'begin 644 a\r\n#0V%T\r\n'), 'Cat')
  assert.equal(decode('x-uuencode', 'no file here'), '')
})

test('what changes nothing, and what nobody knows', () => {
  for (const encoding of ['7bit', '8BIT', 'binary', ''])
    assert.equal(decode(encoding, 'a=20\xff'), 'a=20\xff')
  assert.equal(transferDecoder('x-secret'), undefined)
  assert.equal(decode('x-secret', 'abc'), 'abc')
})

test('text of a body', () => {
  assert.equal(decodeText(Buffer.from('Gr=FC=DFe'), 'quoted-printable', 'iso-8859-1'), 'Grüße')
  assert.equal(decodeText(Buffer.from('R3LDvMOfZQ=='), 'base64', 'utf-8'), 'Grüße')
  assert.equal(decodeText(Buffer.from('R3LD'), 'base64', 'utf-8', true), 'Gr')
  assert.equal(decodeText(Buffer.from('Gr=C3=BC='), 'quoted-printable', 'utf-8', true), 'Grü')
})

test('decoding gives the same bytes however the input is split', () => {
  const piece = fc.constantFrom(
    '=',
    '=4',
    '41',
    ' ',
    '\r',
    '\n',
    '\r\n',
    'a',
    'QUJD',
    '\xff',
    'begin 644 x\n',
    '#0V%T\n',
    'end\n',
  )
  const encoding = fc.constantFrom('base64', 'quoted-printable', 'x-uuencode', '8bit')
  fc.assert(
    fc.property(
      fc.array(piece),
      encoding,
      fc.infiniteStream(fc.integer({ min: 1, max: 5 })),
      (pieces, name, sizes) => {
        const input = Buffer.from(pieces.join(''), 'latin1')
        const decoder = transferDecoder(name)!
        const parts: Uint8Array[] = []
        for (let at = 0; at < input.length;) {
          const size = sizes.next().value as number
          parts.push(Buffer.from(decoder.push(input.subarray(at, at + size))))
          at += size
        }
        parts.push(decoder.end())
        assert.deepEqual(Buffer.concat(parts), Buffer.from(decodeBody(input, name)))
      },
    ),
    { numRuns: 500 },
  )
})

test('base64 of any bytes is undone', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const encoded = Buffer.from(bytes).toString('base64')
      assert.deepEqual(new Uint8Array(decodeBody(Buffer.from(encoded), 'base64')), bytes)
    }),
  )
})
