/**
 * The criteria of a search as a function of one entry. It answers from what is known of the entry so far, and
 * undefined where that does not decide it.
 */
import { isAscii } from 'node:buffer'
import { parseDate } from '#message/date.ts'
import type { EnvelopeMember } from '#message/envelope.ts'
import { foldText, isAsciiText } from '#message/fold-text.ts'
import type { StoredStructure } from '#message/structure-codec.ts'
import type { FlagSet } from '../flag-set.ts'
import type { IndexAnswers } from './index-answers.ts'
import type { MailboxView } from '../mailbox-view.ts'
import { hasPhrase, phraseWords } from './phrase-match.ts'
import type { SearchCriteria, UidRange } from './criteria.ts'
import { containsText } from './text-match.ts'

const dayMs = 86_400_000

/** What conditions are asked of beside structures and bytes. */
export interface Source {
  /** For conditions that columns answer. */
  readonly columns: (criteria: OfColumns) => Condition
  readonly index: IndexAnswers
}

/** What is known of an entry so far. */
export interface Candidate {
  readonly index: number
  readonly structure: StoredStructure | undefined
  /** Of conditions on bytes. */
  readonly answers: ReadonlyMap<SearchCriteria, boolean> | undefined
}

export type Condition = (candidate: Candidate) => boolean | undefined

export function compile(criteria: SearchCriteria, source: Source): Condition {
  const { index: answersOfIndex } = source
  switch (criteria.kind) {
    case 'and':
      return combine(criteria.of, source, false)
    case 'or':
      return combine(criteria.of, source, true)
    case 'not': {
      const inner = compile(criteria.of, source)
      return (candidate) => {
        const answer = inner(candidate)
        return answer === undefined ? undefined : !answer
      }
    }
    case 'header':
    case 'body':
    case 'text':
    case 'fuzzy':
      return indexedFirst(criteria, answersOfIndex, ({ answers }) => answers?.get(criteria))
    case 'from':
    case 'to':
    case 'cc':
    case 'bcc':
    case 'subject':
      return indexedFirst(criteria, answersOfIndex, compileEnvelope(criteria.kind, foldText(criteria.text)))
    case 'phrase':
      return indexedFirst(
        criteria,
        answersOfIndex,
        criteria.region === 'body'
          ? ({ answers }) => answers?.get(criteria)
          : compilePhrase(criteria.region, phraseWords(criteria.text)),
      )
    case 'known':
      return ({ index, structure }) => criteria.answer(index, structure)
    case 'date':
      return criteria.field === 'sent' ? compileSent(criteria) : source.columns(criteria)
    default:
      return source.columns(criteria)
  }
}

/** What the index is sure of need not be read. */
function indexedFirst(criteria: SearchCriteria, answers: IndexAnswers, otherwise: Condition): Condition {
  const answer = answers.get(criteria)
  if (answer === undefined) return otherwise
  return (candidate) => answer(candidate.index) ?? otherwise(candidate)
}

/** A list of conditions of which one decides: a false one an AND, a true one an OR. */
function combine(of: readonly SearchCriteria[], source: Source, decisive: boolean): Condition {
  const conditions = of.map((one) => compile(one, source))
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

export type OfColumns = Exclude<
  SearchCriteria,
  {
    kind:
      | 'and'
      | 'or'
      | 'not'
      | 'header'
      | 'body'
      | 'text'
      | 'fuzzy'
      | 'from'
      | 'to'
      | 'cc'
      | 'bcc'
      | 'subject'
      | 'phrase'
      | 'known'
  }
>

/** Of the entries of a mailbox. */
export function compileColumn(criteria: OfColumns, view: MailboxView, now: number): Condition {
  switch (criteria.kind) {
    case 'date':
      return compileDate(criteria, view)
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
/** However many ranges are written, and however often: memory for each range, and none for each entry. */
function uidCondition(ranges: readonly UidRange[], view: MailboxView): Condition {
  const found = ranges
    .map(([from, to]) => ({ first: view.firstNotBefore(from), end: view.firstNotBefore(to + 1) }))
    .filter(({ first, end }) => first < end)
    .sort((a, b) => a.first - b.first)
  const firsts: number[] = []
  const ends: number[] = []
  for (const { first, end } of found) {
    const last = ends.length - 1
    if (last >= 0 && first <= ends[last]!) ends[last] = Math.max(ends[last]!, end)
    else {
      firsts.push(first)
      ends.push(end)
    }
  }
  return ({ index }) => {
    let low = 0
    for (let high = ends.length; low < high;) {
      const middle = (low + high) >>> 1
      if (ends[middle]! <= index) low = middle + 1
      else high = middle
    }
    return low < ends.length && firsts[low]! <= index
  }
}

type DateCriteria = Extract<SearchCriteria, { kind: 'date' }>

const isThen = ({ how, day }: DateCriteria, at: number): boolean =>
  how === 'before' ? at < day : at >= day && (how === 'since' || at < day + dayMs)

function compileDate(criteria: DateCriteria, view: MailboxView): Condition {
  const dates = criteria.field === 'saved' ? view.savedAt : view.receivedAt
  return ({ index }) => isThen(criteria, dates.at(index))
}

const compileSent =
  (criteria: DateCriteria): Condition =>
  ({ structure }) => {
    if (structure === undefined) return undefined
    const date = parseDate(structure.envelope.date ?? '')
    return date !== undefined && isThen(criteria, date.ms + date.zoneMinutes * 60_000)
  }

function compilePhrase(member: EnvelopeMember, words: readonly string[]): Condition {
  const pieces = words.every(isAsciiText) ? words : []
  return ({ structure }) => {
    if (structure === undefined) return undefined
    if (!mayContain(structure.memberWire(member), pieces)) return false
    return hasPhrase(structure.memberText(member), words)
  }
}

function compileEnvelope(member: EnvelopeMember, folded: string): Condition {
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
  member === 'subject' ? folded.split(/["\\]/) : (folded.match(/[A-Z0-9]+/g) ?? [])

/**
 * Whether the text of a member of an envelope can have these pieces, told without parsing it. False is sure where nothing
 * was encoded (RFC 2047) and all is ASCII, to which some other letters fold.
 */
function mayContain(memberWire: Buffer, pieces: readonly string[]): boolean {
  if (!isAscii(memberWire)) return true
  const wire = memberWire.toString('latin1')
  if (wire.includes('=?')) return true
  const folded = foldText(wire)
  return pieces.every((piece) => folded.includes(piece))
}
