/**
 * SEARCH in a mailbox: which entries of a view meet the criteria.
 *
 * Every condition is asked of the cheapest source that can answer: first the columns, for all entries; then
 * the stored structures of those that are still open; then their bytes. A condition that has no answer yet is
 * undefined, and an entry is open as long as the whole tree is. No snapshot is held while bytes are read.
 */
import { isAscii } from 'node:buffer'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { isFault, SyntaxFault } from '#base/fault.ts'
import type { AccountId, MessageId } from '#base/id.ts'
import type { BlobStore } from '#blob/store.ts'
import type { Db } from '#kv/db.ts'
import { parseDate } from '#message/date.ts'
import { StoredStructure } from '#message/structure-codec.ts'
import type { FlagSet } from './flag-set.ts'
import type { MailboxView } from './mailbox-view.ts'
import type { MessageRow } from './message-row.ts'
import { fieldTexts, messageText, readHeader } from './part-text.ts'
import type { SearchCriteria, UidRange } from './search-criteria.ts'
import { messageTable, structureTable } from './tables.ts'
import { containsText, foldText, TextMatcher } from './text-match.ts'

/** Entries whose structures are read in one snapshot, and where their bytes are searched too. */
const structurePage = 256
const bytesPage = 64
const dayMs = 86_400_000

interface SearchOptions {
  readonly db: Db
  readonly blobs: BlobStore
  readonly account: AccountId
  readonly view: MailboxView
  readonly criteria: SearchCriteria
  /** Ascending indexes of the only entries in question; without, all are. */
  readonly among?: readonly number[]
  /** Milliseconds. */
  readonly now: number
  readonly signal?: AbortSignal
}

/** Indexes into the view, ascending. A message that is gone meanwhile meets nothing that its bytes must show. */
export async function search(o: SearchOptions): Promise<readonly number[]> {
  const condition = compile(o.criteria, o.view, o.now)
  const matches: number[] = []
  const open: number[] = []
  const candidate = { index: 0, structure: undefined, answers: undefined }
  const count = o.among?.length ?? o.view.count
  for (let i = 0; i < count; i++) {
    const index = o.among === undefined ? i : o.among[i]!
    candidate.index = index
    const answer = condition(candidate)
    if (answer === true) matches.push(index)
    else if (answer === undefined) open.push(index)
  }
  const reader = new MessageReader(o)
  const { pageEntries } = reader
  for (let at = 0; at < open.length; at += pageEntries) {
    if (at > 0) await nextTurn()
    o.signal?.throwIfAborted()
    const page = open.slice(at, at + pageEntries)
    const messages = await reader.page(page.map((index) => o.view.ids.at(index) as MessageId))
    for (const [i, index] of page.entries()) {
      const message = messages[i]
      if (message === undefined) continue
      // Only what must wait for bytes costs a promise.
      const answer = meets(condition, index, message, reader)
      if (answer === true || (answer !== false && (await answer))) matches.push(index)
    }
  }
  return matches.sort((a, b) => a - b)
}

/** What is known of an entry so far. */
interface Candidate {
  readonly index: number
  readonly structure: StoredStructure | undefined
  /** Of conditions on bytes. */
  readonly answers: ReadonlyMap<SearchCriteria, boolean> | undefined
}

type Condition = (candidate: Candidate) => boolean | undefined

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

function compile(criteria: SearchCriteria, view: MailboxView, now: number): Condition {
  switch (criteria.kind) {
    case 'and':
      return combine(criteria.of, view, now, false)
    case 'or':
      return combine(criteria.of, view, now, true)
    case 'not': {
      const inner = compile(criteria.of, view, now)
      return (candidate) => {
        const answer = inner(candidate)
        return answer === undefined ? undefined : !answer
      }
    }
    case 'header':
    case 'body':
    case 'text':
      return ({ answers }) => answers?.get(criteria)
    case 'from':
    case 'to':
    case 'cc':
    case 'bcc':
    case 'subject':
      return compileEnvelope(criteria.kind, foldText(criteria.text))
    case 'date':
      return compileDate(criteria, view)
    default:
      return compileColumn(criteria, view, now)
  }
}

/** A list of conditions of which one decides: a false one an AND, a true one an OR. */
function combine(
  of: readonly SearchCriteria[],
  view: MailboxView,
  now: number,
  decisive: boolean,
): Condition {
  const conditions = of.map((one) => compile(one, view, now))
  return (candidate) => {
    let answer: boolean | undefined = !decisive
    for (const condition of conditions) {
      const one = condition(candidate)
      if (one === decisive) return decisive
      if (one === undefined) answer = undefined
    }
    return answer
  }
}

type OfColumns = Exclude<
  SearchCriteria,
  {
    kind:
      | 'and'
      | 'or'
      | 'not'
      | 'header'
      | 'body'
      | 'text'
      | 'from'
      | 'to'
      | 'cc'
      | 'bcc'
      | 'subject'
      | 'date'
  }
>

function compileColumn(criteria: OfColumns, view: MailboxView, now: number): Condition {
  switch (criteria.kind) {
    case 'all':
      return () => true
    case 'deleted':
      return flagCondition(view, (flags) => flags.deleted)
    case 'keyword': {
      const keyword = criteria.keyword.toLowerCase()
      return flagCondition(view, (flags) => flags.keywords.includes(keyword))
    }
    case 'uids':
      return uidCondition(criteria.ranges, view)
    case 'larger':
      return ({ index }) => view.sizes.at(index) > criteria.bytes
    case 'smaller':
      return ({ index }) => view.sizes.at(index) < criteria.bytes
    case 'younger':
      return ({ index }) => secondOf(view.receivedAt.at(index)) >= secondOf(now) - criteria.seconds
    case 'older':
      return ({ index }) => secondOf(view.receivedAt.at(index)) <= secondOf(now) - criteria.seconds
    case 'modseq':
      return ({ index }) => view.modseqs.at(index) >= criteria.atLeast
    case 'message':
      return ({ index }) => view.ids.at(index) === criteria.id
    case 'thread':
      return ({ index }) => view.threads.at(index) === criteria.id
  }
}

/** INTERNALDATE and its distance from now are exact to a second (RFC 5032 §2). */
const secondOf = (ms: number): number => Math.floor(ms / 1000)

/** Asked once for each combination of flags, of which there are few. */
function flagCondition(view: MailboxView, meetsFlags: (flags: FlagSet) => boolean): Condition {
  const answers: (boolean | undefined)[] = []
  return ({ index }) => {
    const number = view.flagSets.at(index)
    return (answers[number] ??= meetsFlags(view.sets.at(number)))
  }
}

/** Ranges as one mark per entry, so that long lists cost no more than short ones. */
function uidCondition(ranges: readonly UidRange[], view: MailboxView): Condition {
  const marked = new Uint8Array(view.count)
  for (const [from, to] of ranges) {
    const end = view.firstNotBefore(to + 1)
    marked.fill(1, view.firstNotBefore(from), end)
  }
  return ({ index }) => marked[index] === 1
}

function compileDate(criteria: Extract<SearchCriteria, { kind: 'date' }>, view: MailboxView): Condition {
  const { field, how, day } = criteria
  const compare = (at: number): boolean =>
    how === 'before' ? at < day : at >= day && (how === 'since' || at < day + dayMs)
  if (field === 'received') return ({ index }) => compare(view.receivedAt.at(index))
  if (field === 'saved') return ({ index }) => compare(view.savedAt.at(index))
  return ({ structure }) => {
    if (structure === undefined) return undefined
    const date = parseDate(structure.envelope.date ?? '')
    return date !== undefined && compare(date.ms + date.zoneMinutes * 60_000)
  }
}

function compileEnvelope(member: 'from' | 'to' | 'cc' | 'bcc' | 'subject', folded: string): Condition {
  const pieces = storedPieces(member === 'subject' ? member : 'address', folded)
  return ({ structure }) => {
    if (structure === undefined) return undefined
    if (!mayContain(structure.memberWire(member), pieces)) return false
    return containsText(structure.memberText(member), folded)
  }
}

/**
 * What stands in the stored form of an envelope as it does in its text: of a subject all but what is quoted
 * there, of addresses, between which the text has signs of its own, runs of letters and digits.
 */
const storedPieces = (member: 'subject' | 'address', folded: string): readonly string[] =>
  member === 'subject' ? folded.split(/["\\]/) : (folded.match(/[a-z0-9]+/g) ?? [])

/**
 * Whether the text of a member of an envelope can have these pieces, told without parsing it. False is sure where nothing
 * was encoded (RFC 2047) and all is ASCII, to which some other letters fold.
 */
function mayContain(memberWire: Buffer, pieces: readonly string[]): boolean {
  if (!isAscii(memberWire)) return true
  const wire = memberWire.toString('latin1')
  if (wire.includes('=?')) return true
  const lower = wire.toLowerCase()
  return pieces.every((piece) => lower.includes(piece))
}

type Leaf<K extends SearchCriteria['kind']> = Extract<SearchCriteria, { kind: K }>
type Answers = Map<SearchCriteria, boolean>

/** Reads messages, and answers what only their bytes can. */
class MessageReader {
  readonly #o: SearchOptions
  readonly #headers: readonly Leaf<'header'>[]
  readonly #texts: readonly { readonly leaf: Leaf<'body' | 'text'>; readonly folded: string }[]

  constructor(o: SearchOptions) {
    const leaves = [...leavesOf(o.criteria)]
    this.#o = o
    this.#headers = leaves.filter((leaf) => leaf.kind === 'header')
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
    return this.#headers.length > 0 || this.#texts.length > 0
  }

  async answerHeaders({ row, structure }: Message, answers: Answers): Promise<void> {
    if (this.#headers.length === 0 || row === undefined) return
    const header = await readHeader(this.#o.blobs, row, structure.headerEnd)
    for (const leaf of this.#headers) {
      const folded = foldText(leaf.text)
      const texts = fieldTexts(header, leaf.name.toLowerCase())
      answers.set(
        leaf,
        texts.some((text) => containsText(text, folded)),
      )
    }
  }

  async answerTexts({ row, structure }: Message, answers: Answers): Promise<void> {
    if (this.#texts.length === 0 || row === undefined) return
    const ofText = this.#texts.filter(({ leaf }) => leaf.kind === 'text')
    const inHeader = new TextMatcher(ofText.map(({ folded }) => folded))
    const inBody = new TextMatcher(this.#texts.map(({ folded }) => folded))
    const regions = ofText.length > 0 ? 'both' : 'body'
    for await (const piece of messageText(this.#o.blobs, row, structure.parts(), regions)) {
      const matcher = piece.region === 'header' ? inHeader : inBody
      matcher.push(piece.text)
      if (piece.last) matcher.endText()
      this.#o.signal?.throwIfAborted()
      if (inBody.isDone) break
    }
    for (const { leaf, folded } of this.#texts) {
      answers.set(leaf, inBody.has(folded) || (leaf.kind === 'text' && inHeader.has(folded)))
    }
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

function* leavesOf(criteria: SearchCriteria): Generator<SearchCriteria> {
  if (criteria.kind === 'and' || criteria.kind === 'or') for (const one of criteria.of) yield* leavesOf(one)
  else if (criteria.kind === 'not') yield* leavesOf(criteria.of)
  else yield criteria
}
