import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { TermTable } from './term-table.ts'
import { eachWord } from './words.ts'

const character = fc.oneof(
  fc.constantFrom(
    ...Array.from('aBz09_@[`{/:ßΣς -.é´=東京都シกัน한\u3099\u0301\u0338\u00a0\u{1d400}\u{20000}\u{1f600}\n\0'),
  ),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
)
const piece = fc.oneof(
  { weight: 9, arbitrary: character },
  fc.constantFrom('hello', 'Straße', 'x'.repeat(64), 'y'.repeat(65), 'zé'.repeat(80), 'ü'.repeat(64)),
)
const text = fc.array(piece, { maxLength: 40 }).map((all) => all.join(''))

// Planted: a fold of `code | 0x20` instead of the table takes "@" for a letter; a run that ends at any character
// that is in no word loses the "´" of "=´", of which folding makes a space and a mark.
test('a table reads the words that a text has', () => {
  fc.assert(
    fc.property(fc.array(text, { minLength: 1, maxLength: 6 }), (texts) => {
      const table = new TermTable()
      for (const one of texts) {
        const words: string[] = []
        eachWord(one, (word) => words.push(word))
        const count = table.read(one)
        assert.deepEqual(
          Array.from(table.numbers.subarray(0, count), (number) => table.text(number)),
          words.map((word) => Buffer.from(word).toString()),
        )
      }
    }),
    { numRuns: 3000 },
  )
})

test('a term has one number, however it came, and numbers are sorted by the bytes of their terms', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(text, fc.constantFrom('ABC', 'ABCD', 'ABCE', 'AB')), { maxLength: 60 }),
      (all) => {
        const table = new TermTable()
        const terms = [...new Set(all.map((term) => Buffer.from(term).toString()))]
        const numbers = terms.map((term) => table.of(term))
        assert.deepEqual(
          numbers,
          terms.map((_, i) => i),
        )
        assert.deepEqual(
          terms.map((term) => table.of(term)),
          numbers,
        )
        const sorted = terms.map((term) => Buffer.from(term)).sort((a, b) => Buffer.compare(a, b))
        assert.deepEqual(
          Array.from(table.sorted(), (number) => Buffer.from(table.bytes(number))),
          sorted,
        )
      },
    ),
  )
})

test('a table has room for as many terms and words as there are', () => {
  const table = new TermTable()
  const words = Array.from({ length: 50_000 }, (_, i) => `W${i}`)
  assert.equal(table.read(words.join(' ')), words.length)
  assert.equal(table.size, words.length)
  for (const [i, word] of words.entries()) assert.equal(table.text(table.numbers[i]!), word)
  assert.equal(table.read(words.toReversed().join('\n')), words.length)
  assert.equal(table.size, words.length)
})
