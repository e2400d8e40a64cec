import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { foldText } from '#message/fold-text.ts'
import { eachWord, needlePieces, type Piece } from './words.ts'

function wordsOf(text: string): string[] {
  const words: string[] = []
  eachWord(text, (word, position) => {
    assert.equal(position, words.length)
    words.push(word)
  })
  return words
}

test('words are runs of letters and digits in one case', () => {
  assert.deepEqual(wordsOf('Hello, World-42! x_y'), ['HELLO', 'WORLD', '42', 'X', 'Y'])
  assert.deepEqual(wordsOf('Straße ΛΌΓΟΣ Mu\u0308ller'), ['STRAßE', 'ΛΟ\u0301ΓΟΣ', 'MU\u0308LLER'])
  assert.deepEqual(wordsOf(' -- \u{1f600}'), [])
})

test('scripts without spaces become pairs of neighbours', () => {
  assert.deepEqual(wordsOf('東京都 A社'), ['東京', '京都', 'A', '社'])
  assert.deepEqual(wordsOf('検索Test'), ['検索', 'TEST'])
  assert.deepEqual(wordsOf('สวัสดี').length, 5)
})

test('long words are cut so that any half of a piece is in one of them', () => {
  const word = Array.from({ length: 200 }, (_, i) => i.toString(36).at(-1)!.toUpperCase()).join('')
  const pieces = wordsOf(word)
  assert.ok(pieces.every((piece) => piece.length <= 64))
  for (let at = 0; at + 32 <= word.length; at++)
    assert.ok(pieces.some((piece) => piece.includes(word.slice(at, at + 32))))
  assert.ok(word.startsWith(pieces[0]!) && word.endsWith(pieces.at(-1)!))
})

test('pieces of a needle say where the words of a text must begin and end', () => {
  const pieces = (needle: string): string[] =>
    needlePieces(foldText(needle)).map(({ text, kind }) => `${kind} ${text}`)
  assert.deepEqual(pieces('ell'), ['inside ELL'])
  assert.deepEqual(pieces('lo wor'), ['suffix LO', 'prefix WOR'])
  assert.deepEqual(pieces(' one two'), ['term ONE', 'prefix TWO'])
  assert.deepEqual(pieces('京'), ['inside 京'])
  assert.deepEqual(pieces('東京都'), ['term 東京', 'term 京都'])
  assert.deepEqual(pieces('- '), [])
})

function appears({ text, kind }: Piece, word: string): boolean {
  if (kind === 'term') return word === text
  if (kind === 'prefix') return word.startsWith(text)
  return kind === 'suffix' ? word.endsWith(text) : word.includes(text)
}

const character = fc.oneof(
  fc.constantFrom(...Array.from('aB9ßΣς -_.é東京都シกัน한\u3099\u0301\u{1d400}\u{20000}\u{1f600}\n')),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
)
const text = fc.oneof(
  fc.array(character, { maxLength: 40 }).map((all) => all.join('')),
  fc
    .array(fc.constantFrom('a', 'é', '\u{1d400}'), { minLength: 60, maxLength: 150 })
    .map((all) => all.join('')),
)

test('what contains a needle has words with all its pieces', () => {
  fc.assert(
    fc.property(text, fc.nat(), fc.nat(), (whole, from, length) => {
      const folded = Array.from(foldText(whole))
      const start = folded.length === 0 ? 0 : from % folded.length
      const needle = folded.slice(start, start + 1 + (length % 80)).join('')
      // Folding the needle by itself may compose what does not meet in the text.
      if (!foldText(whole).includes(foldText(needle))) return
      const words = wordsOf(whole)
      for (const piece of needlePieces(foldText(needle)))
        assert.ok(
          words.some((word) => appears(piece, word)),
          `${piece.kind} ${JSON.stringify(piece.text)}`,
        )
    }),
    { numRuns: 3000 },
  )
})

test('a needle that is itself a piece is contained where it appears', () => {
  fc.assert(
    fc.property(text, fc.oneof(text, fc.constantFrom('a', '東京', '京', 'ab')), (whole, needle) => {
      const folded = foldText(needle)
      const pieces = needlePieces(folded)
      if (pieces.length !== 1 || pieces[0]!.text !== folded) return
      const isFound = wordsOf(whole).some((word) => appears(pieces[0]!, word))
      assert.equal(isFound, foldText(whole).includes(folded))
    }),
    { numRuns: 3000 },
  )
})
