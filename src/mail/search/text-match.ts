/**
 * Finding strings in text that comes in pieces, in memory that depends on the strings and not on the text.
 * Both sides are folded first (`message/fold-text.ts`).
 */
import { foldText } from '#message/fold-text.ts'

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
