import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { SyntaxFault } from './fault.ts'
import { PackReader, PackWriter } from './pack.ts'

const anyUint = fc.oneof(
  fc.maxSafeNat(),
  fc.nat(300),
  // Where the number of bytes changes, and where an integer no longer has 32 bits.
  fc.constantFrom(0x7f, 0x80, 0x3fff, 0x4000, 2 ** 28 - 1, 2 ** 28, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1),
)

/** LEB128 by the book, with integers of any size. */
function leb128(value: number): Buffer {
  const bytes: number[] = []
  let rest = BigInt(value)
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  return Buffer.from([...bytes, Number(rest)])
}

describe('packed values', () => {
  it('have unsigned integers as LEB128', () => {
    fc.assert(
      fc.property(anyUint, (value) => {
        const bytes = new PackWriter().uint(value).done()
        assert.deepEqual(Buffer.from(bytes), leb128(value))
        assert.equal(new PackReader(bytes).uint(), value)
      }),
    )
  })

  it('have signed integers of 52 bits', () => {
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 52), max: 2 ** 52 - 1 }), (value) => {
        assert.equal(new PackReader(new PackWriter().int(value).done()).int(), value)
      }),
    )
  })

  it('are read as they were written, one after the other, whatever room was expected', () => {
    fc.assert(
      fc.property(
        fc.nat(40),
        fc.array(anyUint),
        fc.uint8Array(),
        fc.string({ unit: 'grapheme' }),
        fc.array(fc.nat()),
        (room, numbers, bytes, text, unsorted) => {
          const sorted = unsorted.toSorted((a, b) => a - b)
          const to = new PackWriter(room)
          for (const number of numbers) to.uint(number)
          to.bytes(bytes).u8(7).text(text).latin1('\xe9').ascending(sorted).raw(bytes)
          assert.equal(to.size, to.done().length)
          const from = new PackReader(to.done())
          for (const number of numbers) assert.equal(from.uint(), number)
          assert.deepEqual(Uint8Array.from(from.bytes()), bytes)
          assert.equal(from.u8(), 7)
          assert.equal(from.text(), text)
          assert.equal(from.latin1(), '\xe9')
          assert.deepEqual(from.ascending(), sorted)
          assert.deepEqual(Uint8Array.from(from.raw(bytes.length)), bytes)
          assert.equal(from.left, 0)
        },
      ),
    )
  })

  it('go from one into another, as they were written or as they are read', () => {
    fc.assert(
      fc.property(
        fc.array(anyUint, { maxLength: 60 }),
        fc.array(anyUint),
        fc.nat(60),
        (first, second, skipped) => {
          const one = new PackWriter(1)
          for (const number of [...second, ...first]) one.uint(number)
          one.clear()
          for (const number of first) one.uint(number)
          const from = new PackReader(one.done())
          from.skipUints(Math.min(skipped, first.length))
          const at = from.at
          const to = new PackWriter(1).all(one).written(one).part(from, at, one.size)
          const read = new PackReader(to.done())
          for (const number of first) assert.equal(read.uint(), number)
          assert.equal(read.uint(), one.size)
          for (const number of [...first, ...first.slice(skipped)]) assert.equal(read.uint(), number)
          assert.equal(read.left, 0)
        },
      ),
    )
  })

  it('that are damaged are a SyntaxFault, and nothing behind them is read', () => {
    const reads = ['u8', 'uint', 'int', 'bytes', 'text', 'latin1', 'ascending'] as const
    fc.assert(
      fc.property(fc.uint8Array(), fc.constantFrom(...reads), (bytes, read) => {
        // The reader's bytes are a part of more memory, as the rows of a page are.
        const around = Buffer.concat([bytes, Buffer.alloc(64, 0x01)])
        const from = new PackReader(around.subarray(0, bytes.length))
        try {
          for (;;) from[read]()
        } catch (error) {
          assert.ok(error instanceof SyntaxFault, String(error))
          assert.ok(from.at <= bytes.length)
        }
      }),
    )
    assert.throws(() => new PackReader(Buffer.alloc(9, 0xff)).uint(), SyntaxFault)
    assert.throws(() => new PackReader(Buffer.from([3, 1])).raw(3), SyntaxFault)
  })
})
