/**
 * What the search index says about the text conditions of a search, for the entries of a view that are still
 * open. Sure or nothing: see `search/account-index.ts`.
 */
import type { AccountId } from '#base/id.ts'
import { foldText } from '#message/fold-text.ts'
import { absent, present, type Region } from '#search/account-index.ts'
import type { SearchIndexes } from '#search/indexes.ts'
import type { MailboxView } from './mailbox-view.ts'
import type { SearchCriteria } from './search-criteria.ts'

/** Undefined where the message itself must be looked at. */
export type IndexAnswer = (index: number) => boolean | undefined
export type IndexAnswers = ReadonlyMap<SearchCriteria, IndexAnswer>

/** Below so many open entries their messages are read: there is less to read of them than of an index. */
const fewEntries = 24

/** `open` are indexes into the view. Empty where there is no index. */
export async function askIndexes(
  indexes: SearchIndexes,
  account: AccountId,
  leaves: Iterable<SearchCriteria>,
  view: MailboxView,
  open: readonly number[],
): Promise<IndexAnswers> {
  const answers = new Map<SearchCriteria, IndexAnswer>()
  const wanted = [...leaves].flatMap((leaf) => {
    const question = questionOf(leaf)
    return question === undefined ? [] : [[leaf, question] as const]
  })
  if (wanted.length === 0 || open.length < fewEntries) return answers
  await indexes.ask(account, async (index) => {
    answers.clear()
    const ids = open.map((at) => view.ids.at(at))
    const numbers = new Int32Array(view.count).fill(-1)
    for (const [i, number] of index.numbersOf(ids, ids.length).entries()) numbers[open[i]!] = number
    for (const [leaf, { region, needle, isSure }] of wanted) {
      const found = await index.contains(region, needle)
      answers.set(leaf, (at) => {
        const number = numbers[at]!
        if (number < 0) return undefined
        if (found[number] === absent) return false
        return found[number] === present && isSure ? true : undefined
      })
    }
  })
  return answers
}

interface Question {
  readonly region: Region
  /** From `foldText`. */
  readonly needle: string
  /** What contains it in the region meets the condition. */
  readonly isSure: boolean
}

function questionOf(leaf: SearchCriteria): Question | undefined {
  switch (leaf.kind) {
    case 'from':
    case 'to':
    case 'cc':
    case 'bcc':
    case 'subject':
    case 'body':
    case 'text':
      return { region: leaf.kind, needle: foldText(leaf.text), isSure: true }
    case 'header': {
      // The line must have both: of the two the text tells more.
      const needle = leaf.text === '' ? leaf.name : leaf.text
      return { region: 'header', needle: foldText(needle), isSure: false }
    }
    default:
      return undefined
  }
}
