/** The words of the fuzzy conditions of a search, with their forms in all languages. */
import { type FuzzyWord, fuzzyWords } from '#search/fuzzy.ts'
import { type Languages, loadLanguages } from '#search/languages.ts'
import type { SearchCriteria } from './criteria.ts'

export type Fuzzy = Extract<SearchCriteria, { kind: 'fuzzy' }>
export type WordsOf = (leaf: Fuzzy) => readonly FuzzyWord[]

export interface FuzzySearch {
  readonly words: WordsOf
  readonly languages: Languages
}

/** Undefined where nothing is fuzzy: then no languages are loaded. */
export async function prepareFuzzy(leaves: Iterable<SearchCriteria>): Promise<FuzzySearch | undefined> {
  const fuzzy = [...leaves].filter((leaf) => leaf.kind === 'fuzzy')
  if (fuzzy.length === 0) return undefined
  const languages = await loadLanguages()
  const words = new Map(
    fuzzy.map((leaf) => [leaf, fuzzyWords(leaf.text, languages.stemmers, leaf.withoutSlips !== true)]),
  )
  return { languages, words: (leaf) => words.get(leaf) ?? [] }
}
