import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { InputBuffer, lineTooLong } from './input-buffer.ts'

/** Cuts the bytes at any places, also into chunks of one byte. */
const chunked = (bytes: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Buffer[]> =>
  fc.tuple(bytes, fc.array(fc.nat(), { maxLength: 40 })).map(([whole, cuts]) => {
    const places = [...new Set(cuts.map((cut) => cut % (whole.length + 1)))].sort((a, b) => a - b)
    return [...places, whole.length]
      .map((end, i) => Buffer.from(whole.subarray(i === 0 ? 0 : places[i - 1], end)))
      .filter((chunk) => chunk.length > 0)
  })

/** Bytes in which line ends, halves of line ends and text are about as common. */
const lineBytes = fc
  .array(
    fc.oneof(
      fc.constantFrom('\r\n', '\r', '\n', 'a', 'bc', '.'),
      fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme-ascii' }),
    ),
    { maxLength: 40 },
  )
  .map((parts) => Buffer.from(parts.join(''), 'latin1'))

type Taken = string | typeof lineTooLong

/** What the whole input means, said in another way. */
function linesOf(bytes: Buffer, maxBytes: number, bareLf: boolean): { lines: Taken[]; rest: string } {
  const text = bytes.toString('latin1')
  const parts = text.split(bareLf ? '\n' : '\r\n')
  const rest = parts.pop()!
  const lines = parts.map((part) => {
    const line = bareLf && part.endsWith('\r') ? part.slice(0, -1) : part
    return line.length > maxBytes ? lineTooLong : line
  })
  return { lines, rest }
}

function takeLines(input: InputBuffer, maxBytes: number, bareLf: boolean, into: Taken[]): void {
  for (;;) {
    const line = input.takeLine(maxBytes, bareLf)
    if (line === undefined) return
    into.push(line === lineTooLong ? line : line.toString('latin1'))
  }
}

test('any split of the input gives the same lines, whether taken as they come or at the end', () => {
  fc.assert(
    fc.property(
      chunked(lineBytes),
      fc.integer({ min: 1, max: 20 }),
      fc.boolean(),
      fc.boolean(),
      (chunks, maxBytes, bareLf, atOnce) => {
        const input = new InputBuffer()
        const lines: Taken[] = []
        for (const chunk of chunks) {
          input.push(chunk)
          if (atOnce) takeLines(input, maxBytes, bareLf, lines)
        }
        takeLines(input, maxBytes, bareLf, lines)
        const expected = linesOf(Buffer.concat(chunks), maxBytes, bareLf)
        assert.deepEqual(lines, expected.lines)
        // What is left is the begun line, or it was over-long and is gone.
        const left = input.takeChunk(Infinity)
        if (input.discarded === 0) assert.equal(left?.toString('latin1') ?? '', expected.rest)
        else assert.ok(expected.rest.length > maxBytes)
      },
    ),
    { numRuns: 2000 },
  )
})

test('chunks give back the exact bytes, with any sizes asked and any part put back', () => {
  fc.assert(
    fc.property(
      chunked(fc.uint8Array({ maxLength: 200 })),
      fc.array(fc.record({ take: fc.integer({ min: 1, max: 30 }), back: fc.nat(30) }), { minLength: 1 }),
      (chunks, steps) => {
        const input = new InputBuffer()
        const whole = Buffer.concat(chunks)
        for (const chunk of chunks) input.push(chunk)
        let at = 0
        for (const { take, back } of steps) {
          const chunk = input.takeChunk(take)
          if (chunk === undefined) break
          assert.ok(chunk.length <= take)
          assert.deepEqual(chunk, whole.subarray(at, at + chunk.length))
          const kept = Math.max(0, chunk.length - back)
          input.unread(chunk.subarray(kept))
          at += kept
          assert.equal(input.bytes, whole.length - at)
        }
        const rest: Buffer[] = []
        for (let chunk = input.takeChunk(Infinity); chunk !== undefined; chunk = input.takeChunk(Infinity)) {
          rest.push(chunk)
        }
        assert.deepEqual(Buffer.concat(rest), whole.subarray(at))
        assert.equal(input.bytes, 0)
      },
    ),
    { numRuns: 1000 },
  )
})

test('lines and bytes alternate, as DATA and literals want it', () => {
  const input = new InputBuffer()
  for (const byte of 'A {3}\r\nxyz)\r\nNEXT\r\n') input.push(Buffer.from(byte))
  assert.equal(String(input.takeLine(100, false)), 'A {3}')
  const literal = [1, 2, 3].map(() => String(input.takeChunk(3)))
  assert.equal(literal.join(''), 'xyz')
  assert.equal(String(input.takeLine(100, false)), ')')
  assert.equal(String(input.takeLine(100, false)), 'NEXT')
  assert.equal(input.bytes, 0)
})

test('a line inside one chunk is a view of it', () => {
  const input = new InputBuffer()
  const chunk = Buffer.from('NOOP\r\nQUIT\r\n')
  input.push(chunk)
  const line = input.takeLine(10, false)
  assert.ok(Buffer.isBuffer(line) && line.buffer === chunk.buffer)
})

test('an over-long line is not kept: what is held stays small while it comes', () => {
  const input = new InputBuffer()
  for (let i = 0; i < 1000; i++) {
    input.push(Buffer.alloc(1000, 0x61))
    assert.equal(input.takeLine(512, false), undefined)
    assert.ok(input.bytes <= 513)
  }
  assert.equal(input.discarded, 1_000_000)
  input.push(Buffer.from('\n\r'))
  assert.equal(input.takeLine(512, false), undefined)
  input.push(Buffer.from('\nNOOP\r\n'))
  assert.equal(input.takeLine(512, false), lineTooLong)
  assert.equal(input.discarded, 0)
  assert.equal(String(input.takeLine(512, false)), 'NOOP')
})

test('the limit does not count the line end, also where CR and LF come apart', () => {
  const input = new InputBuffer()
  input.push(Buffer.from('12345\r'))
  assert.equal(input.takeLine(5, false), undefined)
  input.push(Buffer.from('\n'))
  assert.equal(String(input.takeLine(5, false)), '12345')
  input.push(Buffer.from('123456\r\n'))
  assert.equal(input.takeLine(5, false), lineTooLong)
})

test('clear reports everything it drops, queued, begun and current', () => {
  const input = new InputBuffer()
  input.push(Buffer.from('be'))
  assert.equal(input.takeLine(100, false), undefined)
  input.push(Buffer.from('gun\r\nxx'))
  input.push(Buffer.from('yyy'))
  assert.equal(input.clear(), 12)
  assert.equal(input.bytes, 0)
  assert.equal(input.takeChunk(1), undefined)
})

test('what comes after a chunk was taken whole stands behind what waits already', () => {
  const input = new InputBuffer()
  for (const text of ['one', 'two']) input.push(Buffer.from(text))
  const taken = [input.takeChunk(Infinity)]
  input.push(Buffer.from('three'))
  taken.push(input.takeChunk(Infinity), input.takeChunk(Infinity))
  assert.deepEqual(taken.map(String), ['one', 'two', 'three'])
})
