/**
 * Text as words, for the index; and what a string that is looked for says about the words of texts that contain
 * it.
 *
 * A word is a run of letters, digits and marks of folded text. Scripts that are written without spaces have no
 * such words: of their runs every two neighbours are one, and a lone character is one. What must always hold,
 * for `needlePieces`: where a folded text contains a folded needle, each piece of the needle appears in a word
 * of the text as the piece says.
 */
import { foldText, isAsciiText } from '#message/fold-text.ts'

/** Longer words are cut into pieces of this many characters, each beginning in the middle of the one before. */
export const longestWord = 64
/** Any so many characters of a word are in one of its pieces. */
const sure = longestWord / 2

/** With the marks of voice that Japanese has once it is decomposed. */
const unspaced =
  '\\u3099\\u309a\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Hangul}\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}'
/** What a character belongs to depends on it alone. The group has a run without spaces. */
const runs = new RegExp(`([${unspaced}]+)|[[\\p{L}\\p{N}\\p{M}]--[${unspaced}]]+`, 'gv')

const ofUnspaced = new RegExp(`[${unspaced}]`, 'v')

/** Whether something of a text is written in a script without spaces. */
export const isUnspaced = (text: string): boolean => ofUnspaced.test(text)

/** Calls back for each word of a text, and where it stands: positions rise by one from word to word. */
export function eachWord(text: string, emit: (word: string, position: number) => void): void {
  const folded = foldText(text)
  if (isAsciiText(folded)) eachAsciiWord(folded, emit)
  else eachAnyWord(folded, emit)
}

/** Whether there is a word in a text. */
export function hasWord(text: string): boolean {
  let found = false
  eachWord(text, () => (found = true))
  return found
}

function eachAsciiWord(folded: string, emit: (word: string, position: number) => void): void {
  let position = 0
  let start = -1
  for (let at = 0; at <= folded.length; at++) {
    const code = at < folded.length ? folded.charCodeAt(at) : 0
    // Also lower case: some characters become that where they are taken apart.
    const letter = code | 0x20
    const isWord = (letter >= 0x61 && letter <= 0x7a) || (code >= 0x30 && code <= 0x39)
    if (isWord) {
      if (start < 0) start = at
    } else if (start >= 0) {
      if (at - start <= longestWord) emit(folded.slice(start, at), position++)
      else position = cut(folded.slice(start, at), position, emit)
      start = -1
    }
  }
}

function eachAnyWord(folded: string, emit: (word: string, position: number) => void): void {
  let position = 0
  for (const [run, isUnspaced] of runsOf(folded)) {
    if (isUnspaced) for (const pair of pairsOf(Array.from(run))) emit(pair, position++)
    else if (isWhole(run)) emit(run, position++)
    else position = cut(run, position, emit)
  }
}

function* runsOf(folded: string): Generator<readonly [run: string, isUnspaced: boolean, at: number]> {
  for (const match of folded.matchAll(runs)) yield [match[0], match[1] !== undefined, match.index]
}

/** Whether a word is kept in one piece. */
const isWhole = (word: string): boolean =>
  word.length <= longestWord || Array.from(word).length <= longestWord

/** The pieces of a long word. The last one ends where the word does. */
function cut(word: string, first: number, emit: (word: string, position: number) => void): number {
  const characters = Array.from(word)
  let position = first
  for (let at = 0; ; at += sure) {
    emit(characters.slice(at, at + longestWord).join(''), position++)
    if (at + longestWord >= characters.length) return position
  }
}

/** Neighbours of a run. */
const pairsOf = (characters: readonly string[]): readonly string[] =>
  characters.length === 1 ? characters : characters.slice(1).map((next, i) => characters[i]! + next)

/** How a piece must appear in some word of a text. */
export interface Piece {
  readonly text: string
  readonly kind: 'term' | 'prefix' | 'suffix' | 'inside'
  /** It is all that the needle has of its run: the next piece is of the word that comes right after. */
  readonly isWhole: boolean
}

/**
 * Of a folded needle. Empty where nothing can be said. A needle is contained for sure where it is itself a piece that
 * appears.
 */
export function needlePieces(folded: string): readonly Piece[] {
  const pieces: Piece[] = []
  for (const [run, isUnspaced, at] of runsOf(folded)) {
    // What stands beside the run in the needle does so in the text: the word begins and ends there.
    const begins = at > 0
    const ends = at + run.length < folded.length
    if (isUnspaced) pieces.push(...unspacedPieces(run, begins, ends))
    else pieces.push(wordPiece(run, begins, ends))
  }
  return pieces
}

function wordPiece(run: string, begins: boolean, ends: boolean): Piece {
  if (begins && ends && isWhole(run)) return { text: run, kind: 'term', isWhole: true }
  const characters = Array.from(run)
  const text = (ends && !begins ? characters.slice(-sure) : characters.slice(0, sure)).join('')
  return { text, kind: begins ? 'prefix' : ends ? 'suffix' : 'inside', isWhole: text === run }
}

function unspacedPieces(run: string, begins: boolean, ends: boolean): readonly Piece[] {
  const pairs = pairsOf(Array.from(run))
  if (pairs[0] !== run || (begins && ends))
    return pairs.map((text) => ({ text, kind: 'term', isWhole: true }))
  return [{ text: run, kind: begins ? 'prefix' : ends ? 'suffix' : 'inside', isWhole: true }]
}
