import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodeName, foldName, isWithin, rootName } from './name.ts'
import { canonicalName, WireReader } from './wire-reader.ts'

const label = fc.uint8Array({ minLength: 1, maxLength: 63 }).map((bytes) => Buffer.from(bytes))

test('a name is written and read again, whatever its octets are (RFC 2181 §11)', () => {
  fc.assert(
    fc.property(fc.array(label, { maxLength: 6 }), (labels) => {
      const wire = Buffer.concat([...labels.flatMap((one) => [Buffer.of(one.length), one]), Buffer.of(0)])
      if (wire.length > 255) {
        assert.throws(() => new WireReader(wire).name(), /255 octets/)
        return
      }
      const text = new WireReader(wire).name()
      assert.match(text, /^[\x21-\x7e]+$/)
      assert.deepEqual(encodeName(text), wire)
    }),
  )
})

test('any text is a name or none', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      const text = Buffer.from(bytes).toString('latin1')
      const wire = encodeName(text)
      if (wire === undefined) return
      const read = new WireReader(wire).name()
      assert.deepEqual(encodeName(read), wire)
    }),
  )
})

test('what is no name', () => {
  const long = 'a'.repeat(63)
  const longest = `${long}.${long}.${long}.${'a'.repeat(61)}`
  assert.equal(encodeName(longest)!.length, 255)
  assert.equal(encodeName(`${longest}.`)!.length, 255)
  for (const text of [
    '',
    '..',
    'a..b',
    '.a',
    `${long}a`,
    `${longest}a`,
    'a b',
    'ä.example',
    'a\\',
    'a\\256',
    '\\0',
  ])
    assert.equal(encodeName(text), undefined, text)
})

test('the root, a final dot, escapes', () => {
  assert.deepEqual(encodeName(rootName), Buffer.of(0))
  assert.deepEqual(encodeName('a.b.'), encodeName('a.b'))
  assert.equal(new WireReader(encodeName('a\\.b.\\000\\\\')!).name(), 'a\\.b.\\000\\\\')
  assert.equal(foldName('Mail.EXAMPLE.org'), 'mail.example.org')
})

test('below', () => {
  assert.ok(isWithin('a.example', 'example'))
  assert.ok(isWithin('example', 'example'))
  assert.ok(isWithin('example', '.'))
  assert.ok(!isWithin('anexample', 'example'))
  assert.ok(!isWithin('a\\.example', 'example'))
  assert.ok(isWithin('a\\\\.example', 'example'))
})

const read = (hex: string, at: number): string => new WireReader(Buffer.from(hex, 'hex'), at).name()

test('pointers lead backwards only (RFC 1035 §4.1.4)', () => {
  assert.equal(read('016100' + '0162c000', 3), 'b.a')
  assert.throws(() => read('c000', 0), /itself or forwards/)
  assert.throws(() => read('c0020161', 0), /itself or forwards/)
  assert.throws(() => read('0161c000', 0), /itself or forwards/)
  // Back to before the pointer, and from there into what leads to it again.
  assert.throws(() => read('0161c004c000', 4), /itself or forwards/)
  assert.throws(() => read('c0', 0), /cut off/)
  assert.throws(() => read('0361', 0), /cut off/)
  assert.throws(() => read('4161', 0), /unknown type/)
})

test('a chain of pointers ends', () => {
  const chain = Buffer.alloc(2 * 300)
  for (let i = 1; i < 300; i++) chain.writeUInt16BE(0xc000 | (2 * i - 2), 2 * i)
  assert.throws(() => new WireReader(chain, chain.length - 2).name(), /itself or forwards/)
})

test('a plain name is its own canonical text, but for case, and nothing else is plain', () => {
  const name = fc.array(
    fc.string({ unit: fc.constantFrom('a', 'B', '-', '_', '.', '\\', '0', ' ', 'é'), maxLength: 70 }),
    { maxLength: 6 },
  )
  fc.assert(
    fc.property(name, (labels) => {
      const text = labels.join('.')
      const wire = encodeName(text)
      const general = wire === undefined ? undefined : foldName(new WireReader(wire).name())
      assert.equal(canonicalName(text), general)
    }),
    { numRuns: 3000 },
  )
})
