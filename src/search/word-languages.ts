/**
 * Finding out a text's language by what a library says of each of its words: together they are right as often as
 * what it says of the whole, and words come again, so that most are known already.
 *
 * What must always hold: the answer depends on the text alone, whatever was asked before. An index that is made
 * again has the same stems, and reading a text finds what its index does.
 */
import { eachWord } from './words.ts'

/** What a library says of a text, the likeliest first. */
export type Judge = (text: string) => readonly { readonly lang: string; readonly accuracy: number }[]

/** Languages that a word speaks for. */
const mostLanguages = 3
/** Words whose languages are remembered. */
const known = 20_000
/** Shorter words are in all languages. */
const shortestWord = 3

export class WordLanguages {
  readonly #judge: Judge
  readonly #known = new Map<string, ReturnType<Judge>>()

  constructor(judge: Judge) {
    this.#judge = judge
  }

  /** By its code in ISO 639-1, which may be one that we have no rules for; undefined where no word tells. */
  ofText(text: string): string | undefined {
    const votes = new Map<string, number>()
    eachWord(text, (word) => {
      if (word.length < shortestWord || /\d/.test(word)) return
      // A long word tells more than a short one.
      for (const { lang, accuracy } of this.#ofWord(word))
        votes.set(lang, (votes.get(lang) ?? 0) + accuracy * word.length)
    })
    let best: string | undefined
    for (const [language, count] of votes) if (best === undefined || count > votes.get(best)!) best = language
    return best
  }

  #ofWord(word: string): ReturnType<Judge> {
    const before = this.#known.get(word)
    if (before !== undefined) return before
    if (this.#known.size >= known) this.#known.clear()
    // Words come folded; the library knows characters that are put together.
    const found = this.#judge(word.toLowerCase().normalize('NFC')).slice(0, mostLanguages)
    this.#known.set(word, found)
    return found
  }
}
