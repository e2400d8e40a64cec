/**
 * SEARCH in a mailbox: which entries of a view meet the criteria.
 *
 * Every condition is asked of the cheapest source that can answer: first the columns, for all entries; then
 * the index, where there is one; then the stored structures of those that are still open; then their bytes. A
 * condition that has no answer yet is
 * undefined, and an entry is open as long as the whole tree is. No snapshot is held while bytes are read.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { isFault, SyntaxFault } from '#base/fault.ts'
import type { AccountId, MessageId } from '#base/id.ts'
import type { BlobStore } from '#blob/store.ts'
import type { Db } from '#kv/db.ts'
import { foldText } from '#message/fold-text.ts'
import { StoredStructure } from '#message/structure-codec.ts'
import type { SearchIndexes } from '#search/indexes.ts'
import { lowerBound } from '../column.ts'
import { scoreMessage } from './fuzzy-match.ts'
import { type Fuzzy, type FuzzySearch, prepareFuzzy, type WordsOf } from './fuzzy-words.ts'
import { askIndexes, type IndexAnswers, type Searched } from './index-answers.ts'
import type { MailboxView } from '../mailbox-view.ts'
import type { MessageRow } from '../message-row.ts'
import { fieldTexts, messageText, readHeader } from './part-text.ts'
import { PhraseMatcher, phraseWords } from './phrase-match.ts'
import { type Candidate, compile, compileColumn, type Condition, type Source } from './condition.ts'
import { leavesOf, type SearchCriteria } from './criteria.ts'
import { messageTable, structureTable } from '../tables.ts'
import { containsText, TextMatcher } from './text-match.ts'

/** Conditions that are asked of entries before others have a turn. */
const turnWork = 400_000
/** Entries whose structures are read in one snapshot, and where their bytes are searched too. */
const structurePage = 256
const bytesPage = 64

/** Only so many of the first or last found: others need not be looked for. */
export interface Wanted {
  readonly count: number
  readonly isFromEnd: boolean
}

export interface SearchOptions extends Omit<MessageSearch, 'columns'> {
  readonly view: MailboxView
  /** Milliseconds. */
  readonly now: number
}

/** A search among messages of whatever kind of view. */
export interface MessageSearch {
  readonly db: Db
  readonly blobs: BlobStore
  readonly account: AccountId
  readonly view: Searched
  readonly columns: Source['columns']
  readonly criteria: SearchCriteria
  /** Ascending indexes of the only entries in question; without, all are. */
  readonly among?: readonly number[]
  readonly wanted?: Wanted
  /** Without them all text is read. */
  readonly indexes?: SearchIndexes
  readonly signal?: AbortSignal
  /** How many conditions there are for each message, where the criteria do not show it. */
  readonly weight?: number
  /** Told between pages how many of the entries have been looked at. */
  readonly onProgress?: (done: number) => void
}

/** Indexes into the view, ascending. A message that is gone meanwhile meets nothing that its bytes must show. */
export const search = async (o: SearchOptions): Promise<readonly number[]> =>
  (await searchMessages({ ...o, columns: (criteria) => compileColumn(criteria, o.view, o.now) })).matches

export interface Found {
  /** Indexes into the view, ascending. */
  readonly matches: readonly number[]
  /** There are no others, though only so many were wanted. */
  readonly isWhole: boolean
}

/** The same, by the columns of the caller. */
export async function searchMessages(o: MessageSearch): Promise<Found> {
  const { view, columns, among, indexes } = o
  const fuzzy = await prepareFuzzy(leavesOf(o.criteria))
  const matches: number[] = []
  let condition = compile(o.criteria, { columns, index: noAnswers })
  const turn = Math.ceil(turnWork / (o.weight ?? Math.max(1, [...leavesOf(o.criteria)].length)))
  const first = among === undefined ? view.count : Uint32Array.from(among)
  let open = await narrow(condition, first, matches, turn)
  if (open.length > 0 && indexes !== undefined) {
    const words: WordsOf = fuzzy?.words ?? (() => [])
    const index = await askIndexes(indexes, o.account, leavesOf(o.criteria), view, open, words)
    if (index.size > 0) {
      condition = compile(o.criteria, { columns, index })
      open = await narrow(condition, open, matches, turn)
    }
  }
  const known = o.wanted === undefined ? noneKnown : Uint32Array.from(matches).sort()
  const reader = new MessageReader(o, fuzzy)
  const { pageEntries } = reader
  const read: number[] = []
  const pages = Math.ceil(open.length / pageEntries)
  let isOver = false
  let i = 0
  for (; i < pages && !isOver; i++) {
    if (i > 0) await nextTurn()
    o.signal?.throwIfAborted()
    o.onProgress?.((among?.length ?? view.count) - open.length + i * pageEntries)
    const at = (o.wanted?.isFromEnd ? pages - 1 - i : i) * pageEntries
    const page = open.subarray(at, at + pageEntries)
    const messages = await reader.page(Array.from(page, (index) => o.view.ids.at(index) as MessageId))
    for (const [i, index] of page.entries()) {
      const message = messages[i]
      if (message === undefined) continue
      // Only what must wait for bytes costs a promise.
      const answer = meets(condition, index, message, reader)
      if (answer === true || (answer !== false && (await answer))) read.push(index)
    }
    if (o.wanted !== undefined) isOver = settledBy(page, known, o.wanted) + read.length >= o.wanted.count
  }
  return { matches: ascending(read.length === 0 ? matches : matches.concat(read)), isWhole: i === pages }
}

const noneKnown = new Uint32Array(0)

const ascending = (indexes: number[]): readonly number[] => indexes.sort((a, b) => a - b)

/** Once a page has been read: how many of the known lie on the side from which all has been read. */
function settledBy(page: Uint32Array, known: Uint32Array, { isFromEnd }: Wanted): number {
  const at = lowerBound(known, known.length, isFromEnd ? page[0]! : page.at(-1)!)
  return isFromEnd ? known.length - at : at
}

/**
 * Those of the entries, or of so many first ones, that stay open; the ones that meet the condition are added to
 * `matches`.
 */
async function narrow(
  condition: Condition,
  entries: Uint32Array | number,
  matches: number[],
  turn: number,
): Promise<Uint32Array> {
  const count = typeof entries === 'number' ? entries : entries.length
  const open = new Uint32Array(count)
  let stillOpen = 0
  const candidate = { index: 0, structure: undefined, answers: undefined }
  for (let i = 0; i < count; i++) {
    if (i % turn === turn - 1) await nextTurn()
    const index = (candidate.index = typeof entries === 'number' ? i : entries[i]!)
    const answer = condition(candidate)
    if (answer === true) matches.push(index)
    else if (answer === undefined) open[stillOpen++] = index
  }
  return open.subarray(0, stillOpen)
}

const noAnswers: IndexAnswers = new Map()

interface Message {
  readonly structure: StoredStructure
  /** Only where the criteria ask for bytes. */
  readonly row: MessageRow | undefined
}

function meets(
  condition: Condition,
  index: number,
  message: Message,
  reader: MessageReader,
): boolean | Promise<boolean> {
  try {
    const answers: Answers = new Map()
    const candidate = { index, structure: message.structure, answers }
    return condition(candidate) ?? meetsByBytes(condition, candidate, message, reader)
  } catch (error) {
    return asNoMatch(error)
  }
}

async function meetsByBytes(
  condition: Condition,
  candidate: Candidate & { readonly answers: Answers },
  message: Message,
  reader: MessageReader,
): Promise<boolean> {
  try {
    await reader.answerHeaders(message, candidate.answers)
    const answer = condition(candidate)
    if (answer !== undefined) return answer
    await reader.answerTexts(message, candidate.answers)
    await reader.answerPhrases(message, candidate.answers)
    await reader.answerFuzzy(message, candidate.answers)
    return condition(candidate) === true
  } catch (error) {
    return asNoMatch(error)
  }
}

/** A message that is damaged or gone meets nothing. */
function asNoMatch(error: unknown): false {
  if (error instanceof SyntaxFault || isFault(error, 'notFound')) return false
  throw error
}

type Leaf<K extends SearchCriteria['kind']> = Extract<SearchCriteria, { kind: K }>
type Answers = Map<SearchCriteria, boolean>

interface TextLeaf {
  readonly leaf: Leaf<'body' | 'text'>
  readonly folded: string
}

interface HeaderLeaf {
  readonly leaf: Leaf<'header'>
  readonly name: string
  readonly folded: string
}

/** Reads messages, and answers what only their bytes can. */
class MessageReader {
  readonly #o: MessageSearch
  readonly #headers: readonly HeaderLeaf[]
  readonly #texts: readonly TextLeaf[]
  readonly #phrases: readonly { readonly leaf: Leaf<'phrase'>; readonly words: readonly string[] }[]
  readonly #fuzzy: FuzzySearch | undefined
  readonly #fuzzyLeaves: readonly Fuzzy[]

  constructor(o: MessageSearch, fuzzy: FuzzySearch | undefined) {
    const leaves = [...leavesOf(o.criteria)]
    this.#o = o
    this.#fuzzy = fuzzy
    this.#headers = leaves
      .filter((leaf) => leaf.kind === 'header')
      .map((leaf) => ({ leaf, name: leaf.name.toLowerCase(), folded: foldText(leaf.text) }))
    this.#fuzzyLeaves = leaves.filter((leaf) => leaf.kind === 'fuzzy')
    this.#phrases = leaves
      .filter((leaf) => leaf.kind === 'phrase' && leaf.region === 'body')
      .map((leaf) => ({ leaf: leaf as Leaf<'phrase'>, words: phraseWords((leaf as Leaf<'phrase'>).text) }))
    this.#texts = leaves
      .filter((leaf): leaf is Leaf<'body' | 'text'> => leaf.kind === 'body' || leaf.kind === 'text')
      .map((leaf) => ({ leaf, folded: foldText(leaf.text) }))
  }

  /** Undefined where the message is gone or its structure is damaged. */
  page(ids: readonly MessageId[]): Promise<readonly (Message | undefined)[]> {
    const keys = ids.map((id) => [this.#o.account, id] as const)
    return this.#o.db.read(async (tx) => {
      const structures = await tx.getMany(structureTable, keys)
      const rows = this.#needsBytes ? await tx.getMany(messageTable, keys) : []
      return structures.map((structure, i) => messageOf(rows[i], structure))
    })
  }

  /** Entries to be read at once. */
  get pageEntries(): number {
    return this.#needsBytes ? bytesPage : structurePage
  }

  get #needsBytes(): boolean {
    const lists = [this.#headers, this.#texts, this.#phrases, this.#fuzzyLeaves]
    return lists.some(({ length }) => length > 0)
  }

  async answerHeaders({ row, structure }: Message, answers: Answers): Promise<void> {
    if (this.#headers.length === 0 || row === undefined) return
    const header = await readHeader(this.#o.blobs, row, structure.headerEnd)
    for (const { leaf, name, folded } of this.#headers) {
      const texts = fieldTexts(header, name)
      answers.set(
        leaf,
        texts.some((text) => containsText(text, folded)),
      )
    }
  }

  async answerFuzzy({ row, structure }: Message, answers: Answers): Promise<void> {
    if (this.#fuzzy === undefined || row === undefined) return
    const { words, languages } = this.#fuzzy
    for (const leaf of this.#fuzzyLeaves) {
      const message = { row, structure }
      const score = await scoreMessage(this.#o.blobs, message, leaf.region, words(leaf), languages)
      answers.set(leaf, score > 0)
    }
  }

  async answerPhrases({ row, structure }: Message, answers: Answers): Promise<void> {
    if (this.#phrases.length === 0 || row === undefined) return
    const matchers = this.#phrases.map(({ words }) => new PhraseMatcher(words))
    for await (const { text, last } of messageText(this.#o.blobs, row, structure.parts(), 'body')) {
      for (const matcher of matchers) matcher.push(text, last)
      this.#o.signal?.throwIfAborted()
      if (matchers.every(({ isFound }) => isFound)) break
    }
    for (const [i, { leaf }] of this.#phrases.entries()) answers.set(leaf, matchers[i]!.isFound)
  }

  async answerTexts({ row, structure }: Message, answers: Answers): Promise<void> {
    if (this.#texts.length === 0 || row === undefined) return
    const ofText = this.#texts.filter(({ leaf }) => leaf.kind === 'text')
    const inHeader = new TextMatcher(ofText.map(({ folded }) => folded))
    const inBody = new TextMatcher(this.#texts.map(({ folded }) => folded))
    const isFound = ({ leaf, folded }: TextLeaf): boolean =>
      inBody.has(folded) || (leaf.kind === 'text' && inHeader.has(folded))
    const regions = ofText.length > 0 ? 'both' : 'body'
    for await (const piece of messageText(this.#o.blobs, row, structure.parts(), regions)) {
      const matcher = piece.region === 'header' ? inHeader : inBody
      matcher.push(piece.text)
      if (piece.last) matcher.endText()
      this.#o.signal?.throwIfAborted()
      if (inBody.isDone || this.#texts.every(isFound)) break
    }
    for (const one of this.#texts) answers.set(one.leaf, isFound(one))
  }
}

function messageOf(row: MessageRow | undefined, structure: Uint8Array | undefined): Message | undefined {
  if (structure === undefined) return undefined
  try {
    return { row, structure: new StoredStructure(structure) }
  } catch (error) {
    if (error instanceof SyntaxFault) return undefined
    throw error
  }
}
