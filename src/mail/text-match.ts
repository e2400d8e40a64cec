/**
 * Finding strings in text that comes in pieces, in memory that depends on the strings and not on the text.
 *
 * Letter case does not matter: both sides are brought to NFC and lower case, which is Unicode's simple case
 * folding but for a few letters (RFC 9051 §6.4.4 asks for ASCII only). Nothing else is equated.
 */

const isAscii = (text: string): boolean => !/[^\0-\x7f]/.test(text)

/** Text in the form in which it is compared. */
export function foldText(text: string): string {
  if (isAscii(text)) return text.toLowerCase()
  // Lower case of a capital sigma depends on where it stands in a word.
  return text.normalize('NFC').toLowerCase().replaceAll('ς', 'σ')
}

/** True where `folded`, from `foldText`, is part of the text. */
export const containsText = (text: string, folded: string): boolean => foldText(text).includes(folded)

export class TextMatcher {
  readonly #missing: Set<string>
  readonly #found = new Set<string>()
  /** How much of a piece is looked at again with the next: decomposed letters take up to three times as much. */
  readonly #overlap: number
  #tail = ''

  /** Strings from `foldText`. The empty one is part of every text. */
  constructor(folded: Iterable<string>) {
    this.#missing = new Set(folded)
    if (this.#missing.delete('')) this.#found.add('')
    let longest = 0
    for (const text of this.#missing) longest = Math.max(longest, text.length)
    this.#overlap = 3 * longest + 16
  }

  get isDone(): boolean {
    return this.#missing.size === 0
  }

  has(folded: string): boolean {
    return this.#found.has(folded)
  }

  push(piece: string): void {
    if (this.isDone || piece === '') return
    const window = this.#tail + piece
    const folded = foldText(window)
    for (const text of this.#missing) {
      if (!folded.includes(text)) continue
      this.#missing.delete(text)
      this.#found.add(text)
    }
    this.#tail = window.slice(-this.#overlap)
  }

  /** What comes next does not continue what came before. */
  endText(): void {
    this.#tail = ''
  }
}
