/**
 * The languages whose words are brought to their stems, and finding out which one a text is in.
 *
 * The tables of the libraries are loaded when they are first needed: while an index is made, on its thread, or
 * when somebody searches for words in any of their forms.
 */
import { foldText } from '#message/fold-text.ts'
import { languageByWords } from './common-words.ts'
import type { Stemmer } from './fuzzy.ts'
import { WordLanguages } from './word-languages.ts'

export interface Languages {
  readonly stemmers: readonly Stemmer[]
  /** By the beginning of a text; undefined where it says too little, or for other languages. */
  readonly ofText: (text: string) => Stemmer | undefined
}

/** By their codes in ISO 639-1, with the algorithm of Snowball. */
const algorithms: ReadonlyMap<string, string> = new Map([
  ['ar', 'arabic'],
  ['ca', 'catalan'],
  ['cs', 'czech'],
  ['da', 'danish'],
  ['de', 'german'],
  ['en', 'english'],
  ['es', 'spanish'],
  ['eu', 'basque'],
  ['fi', 'finnish'],
  ['fr', 'french'],
  ['ga', 'irish'],
  ['hu', 'hungarian'],
  ['hy', 'armenian'],
  ['it', 'italian'],
  ['nl', 'dutch'],
  ['no', 'norwegian'],
  ['pt', 'portuguese'],
  ['ro', 'romanian'],
  ['ru', 'russian'],
  ['sv', 'swedish'],
  ['ta', 'tamil'],
  ['tr', 'turkish'],
])

/** Characters that are looked at where common words do not tell: a word that is new takes some 40 microseconds. */
const judged = 150
const judgedByWords = 400
const leastJudged = 12
/** Stems that are remembered of each language. */
const known = 20_000
/** Longer words are no words. */
const longestWord = 40

let loaded: Promise<Languages> | undefined

export const loadLanguages = (): Promise<Languages> => (loaded ??= load())

async function load(): Promise<Languages> {
  // The default export: in a bundle a CommonJS module that is loaded when it is needed has no other.
  const [{ default: snowballs }, { detectAll }] = await Promise.all([
    import('snowball-stemmers'),
    import('tinyld'),
  ])
  const stemmers = new Map<string, Stemmer>()
  for (const [language, algorithm] of algorithms) {
    const snowball = snowballs.newStemmer(algorithm)
    // The library's rules for Russian are from before ё was written as е first, as most people write it anyway.
    const stem =
      language === 'ru'
        ? (word: string) => snowball.stem(word.replaceAll('ё', 'е'))
        : (word: string) => snowball.stem(word)
    stemmers.set(language, stemmerOf(language, stem))
  }
  const words = new WordLanguages(detectAll)
  return {
    stemmers: [...stemmers.values()],
    ofText(text) {
      if (text.length < leastJudged) return undefined
      const language = languageByWords(text.slice(0, judgedByWords)) ?? words.ofText(text.slice(0, judged))
      return language === undefined ? undefined : stemmers.get(language)
    },
  }
}

/** Words come folded, and so go their stems; the rules want lower case in characters that are put together. */
function stemmerOf(language: string, stem: (word: string) => string): Stemmer {
  const stems = new Map<string, string>()
  return {
    language,
    stem(word) {
      const before = stems.get(word)
      if (before !== undefined) return before
      if (word.length > longestWord || !/^[\p{L}\p{M}]+$/u.test(word)) return word
      if (stems.size >= known) stems.clear()
      const found = foldText(stem(word.toLowerCase().normalize('NFC'))) || word
      stems.set(word, found)
      return found
    },
  }
}
