/**
 * What the search index says about the text conditions of a search, for the entries of a view that are still
 * open. Sure or nothing: see `search/account-index.ts`.
 */
import type { AccountId } from '#base/id.ts'
import { foldText } from '#message/fold-text.ts'
import { absent, type AccountIndex, present, type Region } from '#search/account-index.ts'
import type { FuzzyWord } from '#search/fuzzy.ts'
import type { SearchIndexes } from '#search/indexes.ts'
import { fieldsOf, type FuzzyRegion } from '#search/ranking.ts'
import type { WordsOf } from './fuzzy-words.ts'
import { phraseWords } from './phrase-match.ts'
import type { SearchCriteria } from './criteria.ts'

/** The messages that are searched, by index. */
export interface Searched {
  readonly count: number
  readonly ids: { at(index: number): number }
}

/** Undefined where the message itself must be looked at. */
type IndexAnswer = (index: number) => boolean | undefined
export type IndexAnswers = ReadonlyMap<SearchCriteria, IndexAnswer>

/**
 * Below so many open entries their messages are read: there is less to read of them than of an index. What only the
 * index has, it is asked for.
 */
const fewEntries = 24

/** `open` are indexes into the view. Empty where there is no index. */
export async function askIndexes(
  indexes: SearchIndexes,
  account: AccountId,
  leaves: Iterable<SearchCriteria>,
  view: Searched,
  open: ArrayLike<number>,
  words: WordsOf,
): Promise<IndexAnswers> {
  const answers = new Map<SearchCriteria, IndexAnswer>()
  const wanted = [...leaves].flatMap((leaf) => {
    const question = questionOf(leaf, words)
    return question === undefined ? [] : [[leaf, question] as const]
  })
  if (wanted.length === 0 || (open.length < fewEntries && !wanted.some(([, one]) => isOfIndex(one))))
    return answers
  await indexes.ask(account, async (index) => {
    answers.clear()
    const numbers = numbersIn(index, view, open)
    for (const [leaf, question] of wanted) {
      const found = await answerOf(index, question)
      answers.set(leaf, (at) => {
        const number = numbers[at]!
        return number < 0 ? undefined : found(number)
      })
    }
  })
  return answers
}

/** By index into the view: the number of the message in the index, -1 where it is not open or not there. */
export function numbersIn(
  index: AccountIndex,
  { count, ids }: Searched,
  open: ArrayLike<number>,
): Int32Array {
  const numbers = new Int32Array(count).fill(-1)
  for (let i = 0; i < open.length; i++) numbers[open[i]!] = index.numberOf(ids.at(open[i]!))
  return numbers
}

async function answerOf(
  index: AccountIndex,
  question: Question,
): Promise<(number: number) => boolean | undefined> {
  if (question.kind === 'words') {
    const scores = await index.rank(question.region, question.words)
    return (number) => scores[number]! > 0
  }
  const found = await index.contains(question.region, question.needle)
  return (number) => {
    if (found[number] === absent) return false
    return found[number] === present && question.isSure ? true : undefined
  }
}

type Question =
  | {
      readonly kind: 'needle'
      readonly region: Region
      /** From `foldText`. */
      readonly needle: string
      /** What contains it in the region meets the condition. */
      readonly isSure: boolean
    }
  | { readonly kind: 'words'; readonly region: FuzzyRegion; readonly words: readonly FuzzyWord[] }

/** Text of attachments. */
const isOfIndex = (question: Question): boolean =>
  question.kind === 'words' && fieldsOf[question.region].includes('attachment')

function questionOf(leaf: SearchCriteria, words: WordsOf): Question | undefined {
  switch (leaf.kind) {
    case 'from':
    case 'to':
    case 'cc':
    case 'bcc':
    case 'subject':
    case 'body':
    case 'text':
      return { kind: 'needle', region: leaf.kind, needle: foldText(leaf.text), isSure: true }
    case 'header': {
      // The line must have both: of the two the text tells more.
      const needle = leaf.text === '' ? leaf.name : leaf.text
      return { kind: 'needle', region: 'header', needle: foldText(needle), isSure: false }
    }
    case 'phrase':
      // Whole words.
      return {
        kind: 'needle',
        region: leaf.region,
        needle: ` ${phraseWords(leaf.text).join(' ')} `,
        isSure: false,
      }
    case 'fuzzy':
      return { kind: 'words', region: leaf.region, words: words(leaf) }
    default:
      return undefined
  }
}
