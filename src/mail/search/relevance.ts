/**
 * How relevant what was found is (RFC 6203 §4): a number from 1 to 100 for each message, where the best one has 100.
 *
 * Only fuzzy conditions say something, and only those that a message meets; none of them, 100.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { isFault, SyntaxFault } from '#base/fault.ts'
import type { MessageId } from '#base/id.ts'
import { StoredStructure } from '#message/structure-codec.ts'
import { type Fuzzy, type FuzzySearch, prepareFuzzy } from './fuzzy-words.ts'
import { scoreMessage } from './fuzzy-match.ts'
import { numbersIn } from './index-answers.ts'
import type { SearchOptions } from './query.ts'
import { positiveLeaves } from './criteria.ts'
import { messageTable, structureTable } from '../tables.ts'

type RelevanceOptions = Pick<
  SearchOptions,
  'db' | 'blobs' | 'account' | 'view' | 'criteria' | 'indexes' | 'signal'
>

/** `found` are indexes into the view, ascending; what is returned stands beside them. */
export async function relevanceOf(o: RelevanceOptions, found: readonly number[]): Promise<readonly number[]> {
  const leaves = [...positiveLeaves(o.criteria)].filter((leaf) => leaf.kind === 'fuzzy')
  const fuzzy = await prepareFuzzy(leaves)
  const sums = new Float64Array(found.length)
  if (fuzzy !== undefined) for (const leaf of leaves) await addScores(o, fuzzy, leaf, found, sums)
  const best = sums.reduce((most, one) => Math.max(most, one), 0)
  return Array.from(sums, (sum) => (best === 0 ? 100 : Math.max(1, Math.round((100 * sum) / best))))
}

/** Of one condition, to each message. */
async function addScores(
  o: RelevanceOptions,
  { words, languages }: FuzzySearch,
  leaf: Fuzzy,
  found: readonly number[],
  sums: Float64Array,
): Promise<void> {
  const wanted = words(leaf)
  const known = await o.indexes?.ask(o.account, async (index) => {
    const numbers = numbersIn(index, o.view, found)
    const scores = await index.rank(leaf.region, wanted)
    return (at: number): number | undefined => (numbers[at]! < 0 ? undefined : scores[numbers[at]!])
  })
  for (const [i, at] of found.entries()) {
    let score = known?.(at)
    if (score === undefined) {
      if (i % 16 === 0) await nextTurn()
      o.signal?.throwIfAborted()
      const message = await readMessage(o, o.view.ids.at(at) as MessageId)
      if (message !== undefined) score = await scoreRead(o, message, leaf, wanted, languages)
    }
    sums[i]! += score ?? 0
  }
}

interface Message {
  readonly row: Parameters<typeof scoreMessage>[1]['row']
  readonly structure: StoredStructure
}

function readMessage({ db, account }: RelevanceOptions, id: MessageId): Promise<Message | undefined> {
  return db.read(async (tx) => {
    const row = await tx.get(messageTable, account, id)
    const structure = await tx.get(structureTable, account, id)
    return row === undefined || structure === undefined
      ? undefined
      : { row, structure: new StoredStructure(structure) }
  })
}

/** Nothing where the message is damaged or gone meanwhile. */
async function scoreRead(
  { blobs }: RelevanceOptions,
  message: Message,
  { region }: Fuzzy,
  words: Parameters<typeof scoreMessage>[3],
  languages: FuzzySearch['languages'],
): Promise<number> {
  try {
    return await scoreMessage(blobs, message, region, words, languages)
  } catch (error) {
    if (error instanceof SyntaxFault || isFault(error, 'notFound')) return 0
    throw error
  }
}
