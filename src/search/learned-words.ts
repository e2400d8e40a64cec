/**
 * Finding out a text's language by words that were in texts of which the library has said it: people write the same
 * words again, and machines even the same texts. It takes microseconds where the library takes a hundred.
 *
 * Only the library teaches, so that a mistake does not feed itself. A word of which it says now this and now that
 * speaks for nothing.
 */
import { eachWord } from './words.ts'

/** Words that are remembered. */
const most = 20_000
/** Texts of one language, more than of all others, that a word must have been in. */
const trusted = 3
const mostTrust = 15
/** Words of the text that must speak for one language; half of all must, and few for others. */
const leastVotes = 5
const shortestWord = 3

interface Learned {
  language: string
  /** How many more texts of this language it was in than of others. */
  trust: number
}

export class LearnedWords {
  readonly #learned = new Map<string, Learned>()

  /** What the library says where it has said enough of such texts; '' stands for none. */
  languageOf(text: string): string | undefined {
    const votes = new Map<string, number>()
    let words = 0
    for (const word of wordsOf(text)) {
      words++
      const learned = this.#learned.get(word)
      if (learned !== undefined && learned.trust >= trusted)
        votes.set(learned.language, (votes.get(learned.language) ?? 0) + 1)
    }
    for (const [language, count] of votes) {
      let others = -count
      for (const one of votes.values()) others += one
      if (count >= leastVotes && 2 * count >= words && 4 * others <= count) return language
    }
    return undefined
  }

  learn(text: string, language: string): void {
    for (const word of new Set(wordsOf(text))) {
      const learned = this.#learned.get(word)
      if (learned === undefined) {
        if (this.#learned.size >= most) this.#learned.clear()
        this.#learned.set(word, { language, trust: 1 })
      } else if (learned.language === language) learned.trust = Math.min(learned.trust + 1, mostTrust)
      else if (--learned.trust < 0) this.#learned.set(word, { language, trust: 1 })
    }
  }
}

/** Those that are no numbers, and not so short that they are in all languages. */
function wordsOf(text: string): readonly string[] {
  const words: string[] = []
  eachWord(text, (word) => {
    if (word.length >= shortestWord && !/\d/.test(word)) words.push(word)
  })
  return words
}
