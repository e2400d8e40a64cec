/**
 * Phrases in text: the same words one after the other, in any case, whatever stands between them. Text may come in
 * pieces; memory depends on the phrase and on the longest word.
 */
import { eachWord } from '#search/words.ts'

/** More words of a phrase are not looked at. */
const mostWords = 64
/** What is longer without white space has no words that anybody looks for: it may be cut anywhere. */
const longestRest = 65_536

export function phraseWords(text: string): readonly string[] {
  const words: string[] = []
  eachWord(text, (word) => words.length < mostWords && words.push(word))
  return words
}

export function hasPhrase(text: string, words: readonly string[]): boolean {
  const matcher = new PhraseMatcher(words)
  matcher.push(text, true)
  return matcher.isFound
}

export class PhraseMatcher {
  readonly #words: readonly string[]
  /** How many words of the phrase have just been read, for each beginning that may go on. */
  #begun: number[] = []
  /** The beginning of a word of which the next piece may have the end. */
  #rest = ''
  isFound = false

  constructor(words: readonly string[]) {
    this.#words = words
  }

  /** `isLast` where the next piece does not continue this one. */
  push(piece: string, isLast: boolean): void {
    if (this.isFound) return
    const text = this.#rest + piece
    const isCut = isLast || (this.#rest.length > longestRest && endOfWords(piece) === 0)
    const end = isCut ? text.length : endOfWords(text)
    this.#rest = text.slice(end)
    eachWord(text.slice(0, end), (word) => this.#next(word))
    if (isLast) this.#begun = []
  }

  #next(word: string): void {
    const words = this.#words
    const begun: number[] = []
    for (const count of this.#begun) if (words[count] === word) begun.push(count + 1)
    if (words[0] === word) begun.push(1)
    if (begun[0] === words.length) this.isFound = true
    this.#begun = begun
  }
}

/** After the last white space. */
export function endOfWords(text: string): number {
  for (let end = text.length; end > 0; end--) if (/\s/.test(text[end - 1]!)) return end
  return 0
}
