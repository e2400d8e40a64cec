/**
 * The collation i;unicode-casemap (RFC 5051): text in the form in which it is searched and sorted wherever people read
 * it (RFC 5255 §4.2). Letter case makes no difference, nor does how a character is put together: all is in title
 * case and decomposed (NFKD), so that `cafe` is part of `Café`. Folding what was folded is no longer the same.
 */
import { normalized } from '#base/normalize.ts'
export const isAsciiText = (text: string): boolean => !/[^\0-\x7f]/.test(text)

/** `===` and `includes` of two folded texts answer as the collation does. */
export function foldText(text: string): string {
  // For ASCII that is all.
  if (isAsciiText(text)) return text.toUpperCase()
  const folded = normalized(titled(text), 'NFKD')
  // Syllables of Korean have no decomposition in UnicodeData.txt: they are the characters that people search for.
  return /[\u1100-\u1112]/.test(folded) ? folded.replace(/[\u1100-\u11ff]+/g, composed) : folded
}

/** `<` and `===` of the keys of two texts answer as the collation does, whose order is that of code points. */
export function sortKey(text: string): string {
  const folded = foldText(text)
  return /[\ud800-\uffff]/.test(folded) ? inCodePointOrder(folded) : folded
}

const composed = (jamo: string): string => jamo.normalize('NFC')

/** Characters whose title case in UnicodeData.txt is, or may be, not what `toUpperCase` makes of them. */
const odd =
  /([\u00df\u0149\u01c4-\u01cc\u01f0-\u01f3\u0390\u03b0\u0587\u10d0-\u10ff\u1e96-\u1e9a\u1f50-\u1fff\ufb00-\ufb17]+)/

/** Step 2a: every code point in its title case, which is one code point. */
function titled(text: string): string {
  if (!odd.test(text)) return text.toUpperCase()
  const pieces = text.split(odd)
  return pieces.map((piece, i) => (i % 2 === 0 ? piece.toUpperCase() : oddTitled(piece))).join('')
}

/** DŽ, LJ, NJ and DZ in one character: their title case is between upper and lower case. */
const digraphs: ReadonlyMap<string, string> = new Map(
  ['\u01c5', '\u01c8', '\u01cb', '\u01f2'].flatMap((title) => [
    [title.toUpperCase(), title],
    [title, title],
    [title.toLowerCase(), title],
  ]),
)

function oddTitled(piece: string): string {
  let out = ''
  for (const character of piece) out += digraphs.get(character) ?? titleOf(character)
  return out
}

function titleOf(character: string): string {
  // Georgian has no title case.
  if (/[\u10d0-\u10ff]/.test(character)) return character
  const upper = character.toUpperCase()
  if (upper.length === 1) return upper
  // One that becomes several in upper case: Greek has single ones for some, nothing else has.
  const code = character.charCodeAt(0)
  const titles = [String.fromCharCode(code + 8), String.fromCharCode(code + 9)]
  return titles.find((title) => title !== character && title.toLowerCase() === character) ?? character
}

/** Strings are compared by UTF-16 units: surrogates change places with what stands behind them in Unicode. */
function inCodePointOrder(text: string): string {
  return text.replace(/[\ud800-\uffff]/g, (unit) => {
    const code = unit.charCodeAt(0)
    return String.fromCharCode(code < 0xe000 ? code + 0x2000 : code - 0x800)
  })
}
