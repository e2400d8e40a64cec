/**
 * Words that are looked for as people mean them: in another form of the word, as its beginning, with a slip of
 * the finger. How well a word of a text is met is a number from 0 (not at all) to 1 (it is the very word); a
 * text must meet all.
 *
 * The index (`account-index.ts`) and whoever reads a text itself answer alike: both ask `quality`.
 */
import { eachWord } from './words.ts'

/** The word as it is written, another form of it, its beginning, a slip. */
const qualities = { same: 1, stem: 0.9, prefix: 0.7, slip: 0.5 } as const
const shortestPrefix = 3
const shortestSlip = 4
/** More words of a query are not looked at. */
const mostWords = 16

/** Brings words to their stems by the rules of one language. */
export interface Stemmer {
  readonly language: string
  /** Of a word as `eachWord` gives it; in the same form. */
  readonly stem: (word: string) => string
}

export interface FuzzyWord {
  readonly word: string
  /** Its stems by the rules of all languages: nobody says in which one a word was meant. */
  readonly forms: ReadonlySet<string>
  /** Words that differ by a slip meet it too. */
  readonly maySlip: boolean
}

/** The words of what somebody looks for. */
export function fuzzyWords(text: string, stemmers: readonly Stemmer[], maySlip = true): readonly FuzzyWord[] {
  const words = new Set<string>()
  eachWord(text, (word) => words.size < mostWords && words.add(word))
  return Array.from(words, (word) => ({
    word,
    forms: new Set(stemmers.map((stemmer) => stemmer.stem(word))),
    maySlip,
  }))
}

/** How well a term meets a word; `stem` is that of the term in the language of its text. */
export function quality({ word, forms, maySlip }: FuzzyWord, term: string, stem = term): number {
  if (term === word) return qualities.same
  if (forms.has(stem) || forms.has(term)) return qualities.stem
  if (word.length >= shortestPrefix && term.startsWith(word)) return qualities.prefix
  if (maySlip && word.length >= shortestSlip && isSlip(word, term)) return qualities.slip
  return 0
}

export const stemQuality = qualities.stem

/** What terms that may meet a word begin or end with: nothing else does, but other forms. */
export function candidatePieces({
  word,
  maySlip,
}: FuzzyWord): readonly { text: string; kind: 'term' | 'prefix' | 'suffix' }[] {
  if (word.length < shortestPrefix) return [{ text: word, kind: 'term' }]
  if (!maySlip || word.length < shortestSlip) return [{ text: word, kind: 'prefix' }]
  // One slip spares one of the halves.
  const half = word.length >> 1
  return [
    { text: word.slice(0, half), kind: 'prefix' },
    { text: word.slice(half), kind: 'suffix' },
  ]
}

/** One character more, less or other, or two neighbours the other way round. */
function isSlip(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 1) return false
  const least = Math.min(a.length, b.length)
  let at = 0
  while (at < least && a[at] === b[at]) at++
  const rest = (text: string, from: number): string => text.slice(from)
  if (a.length > b.length) return rest(a, at + 1) === rest(b, at)
  if (a.length < b.length) return rest(a, at) === rest(b, at + 1)
  if (rest(a, at + 1) === rest(b, at + 1)) return true
  return a[at] === b[at + 1] && a[at + 1] === b[at] && rest(a, at + 2) === rest(b, at + 2)
}
