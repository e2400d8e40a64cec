/**
 * The criteria of SEARCH as a client writes them (RFC 9051 §6.4.4 and §9, search-key), and what they become for
 * the search in mail. Sets of messages and object identifiers are only resolved when the command runs, for each
 * mailbox that is searched: `$` is what it then stands for.
 */
import type { MessageId, ThreadId } from '#base/id.ts'
import type { SearchCriteria, UidRange } from '#mail/search/criteria.ts'
import type { FuzzyRegion } from '#search/ranking.ts'
import { hasWord } from '#search/words.ts'
import { type Arguments, utf8Of } from '../wire/grammar.ts'
import { objectNumber } from '#mail/object-id.ts'
import type { SequenceSet } from '../wire/sequence-set.ts'

type Leaf = Exclude<SearchCriteria, { kind: 'and' | 'or' | 'not' | 'message' | 'thread' }>

export type SearchKey =
  | Leaf
  | { readonly kind: 'and' | 'or'; readonly of: readonly SearchKey[] }
  | { readonly kind: 'not'; readonly of: SearchKey }
  | { readonly kind: 'set'; readonly set: SequenceSet; readonly byUid: boolean }
  /** See `search-filters.ts`. */
  | { readonly kind: 'filter'; readonly name: string; readonly isFuzzy: boolean }
  | { readonly kind: 'object'; readonly letter: 'M' | 'T'; readonly text: string }

/** A mailbox for which keys are resolved. */
export interface SearchPlace {
  readonly rangesOf: (set: SequenceSet, byUid: boolean) => readonly UidRange[]
  /** See `object-id.ts`. */
  readonly idPrefix: string
}

const DQUOTE = 0x22
export const maxUid = 0xffff_ffff
/** Keys inside each other; deeper ones are refused, since reading and searching recurse. */
const maxDepth = 32
export const maxKeys = 2000

const simpleKeys: ReadonlyMap<string, SearchKey> = new Map<string, SearchKey>([
  ['ALL', { kind: 'all' }],
  ['ANSWERED', { kind: 'keyword', keyword: '$answered' }],
  ['DELETED', { kind: 'deleted' }],
  ['DRAFT', { kind: 'keyword', keyword: '$draft' }],
  ['FLAGGED', { kind: 'keyword', keyword: '$flagged' }],
  ['SEEN', { kind: 'keyword', keyword: '$seen' }],
  ['UNANSWERED', { kind: 'not', of: { kind: 'keyword', keyword: '$answered' } }],
  ['UNDELETED', { kind: 'not', of: { kind: 'deleted' } }],
  ['UNDRAFT', { kind: 'not', of: { kind: 'keyword', keyword: '$draft' } }],
  ['UNFLAGGED', { kind: 'not', of: { kind: 'keyword', keyword: '$flagged' } }],
  ['UNSEEN', { kind: 'not', of: { kind: 'keyword', keyword: '$seen' } }],
  // RFC 3501 §6.4.4; nothing is ever recent here.
  ['NEW', { kind: 'not', of: { kind: 'all' } }],
  ['RECENT', { kind: 'not', of: { kind: 'all' } }],
  ['OLD', { kind: 'all' }],
  // RFC 8514 §4.2: every mailbox knows when its messages came.
  ['SAVEDATESUPPORTED', { kind: 'all' }],
])

const textKeys: ReadonlyMap<string, FuzzyRegion> = new Map([
  ['BCC', 'bcc'],
  ['BODY', 'body'],
  ['CC', 'cc'],
  ['FROM', 'from'],
  ['SUBJECT', 'subject'],
  ['TEXT', 'text'],
  ['TO', 'to'],
])

type DateKey = Pick<Extract<SearchCriteria, { kind: 'date' }>, 'field' | 'how'>

const dateKeys: ReadonlyMap<string, DateKey> = new Map<string, DateKey>([
  ['BEFORE', { field: 'received', how: 'before' }],
  ['ON', { field: 'received', how: 'on' }],
  ['SINCE', { field: 'received', how: 'since' }],
  ['SENTBEFORE', { field: 'sent', how: 'before' }],
  ['SENTON', { field: 'sent', how: 'on' }],
  ['SENTSINCE', { field: 'sent', how: 'since' }],
  ['SAVEDBEFORE', { field: 'saved', how: 'before' }],
  ['SAVEDON', { field: 'saved', how: 'on' }],
  ['SAVEDSINCE', { field: 'saved', how: 'since' }],
])

/** Reads keys to the end of the command. */
export class SearchKeyReader {
  readonly #args: Arguments
  /** How many were read. */
  keys = 0
  /** A string was not text in the charset. */
  hasBadText = false
  /** MODSEQ was among the keys, so that the result has one (RFC 7162 §3.1.5). */
  hasModseq = false
  /** Message numbers were among them, or may be in a filter. */
  hasNumbers = false
  hasFilter = false
  hasFuzzy = false
  /** FUZZY stands before what is being read. */
  #isFuzzy: boolean

  constructor(args: Arguments, isFuzzy = false) {
    this.#args = args
    this.#isFuzzy = isFuzzy
  }

  /** `search-key *(SP search-key)`: all must be met. */
  readAll(): SearchKey {
    return this.#list(0)
  }

  #list(depth: number): SearchKey {
    const of = [this.#key(depth)]
    while (this.#args.take(0x20)) of.push(this.#key(depth))
    return of.length === 1 ? of[0]! : { kind: 'and', of }
  }

  #key(depth: number): SearchKey {
    const args = this.#args
    if (depth > maxDepth || ++this.keys > maxKeys) args.fail('search too complex')
    if (args.takeOpen()) {
      const inner = this.#list(depth + 1)
      args.close()
      return inner
    }
    if (args.atSequenceSet) {
      const set = args.sequenceSet()
      this.hasNumbers ||= set.ranges.length > 0
      return { kind: 'set', set, byUid: false }
    }
    const name = args.word()
    return simpleKeys.get(name) ?? this.#withArgument(name, depth)
  }

  #withArgument(name: string, depth: number): SearchKey {
    const args = this.#args
    if (!args.take(0x20)) args.fail('unknown search key, or one without its argument')
    const text = textKeys.get(name)
    if (text !== undefined) return this.#textKey(text)
    const date = dateKeys.get(name)
    if (date !== undefined) return { kind: 'date', ...date, day: args.date() }
    switch (name) {
      case 'NOT':
        return { kind: 'not', of: this.#key(depth + 1) }
      case 'OR': {
        const first = this.#key(depth + 1)
        args.sp()
        return { kind: 'or', of: [first, this.#key(depth + 1)] }
      }
      case 'HEADER': {
        const field = args.astring().toString('latin1')
        args.sp()
        return { kind: 'header', name: field, text: this.#text() }
      }
      case 'KEYWORD':
        return { kind: 'keyword', keyword: args.atom() }
      case 'UNKEYWORD':
        return { kind: 'not', of: { kind: 'keyword', keyword: args.atom() } }
      case 'LARGER':
        return { kind: 'larger', bytes: args.number64() }
      case 'SMALLER':
        return { kind: 'smaller', bytes: args.number64() }
      // RFC 5032 §3
      case 'OLDER':
        return { kind: 'older', seconds: args.nzNumber() }
      case 'YOUNGER':
        return { kind: 'younger', seconds: args.nzNumber() }
      case 'UID':
        return { kind: 'set', set: args.sequenceSet(), byUid: true }
      // RFC 9738 §3.2
      case 'UIDAFTER':
        return { kind: 'uids', ranges: [[args.nzNumber() + 1, maxUid]] }
      case 'UIDBEFORE':
        return { kind: 'uids', ranges: [[1, args.nzNumber() - 1]] }
      case 'MODSEQ':
        this.hasModseq = true
        if (args.peek() === DQUOTE) this.#entryName()
        return { kind: 'modseq', atLeast: args.modSequence() }
      case 'FILTER':
        this.hasFilter = this.hasNumbers = true
        return { kind: 'filter', name: this.#filterName(), isFuzzy: this.#isFuzzy }
      case 'FUZZY':
        return this.#fuzzy(depth)
      case 'EMAILID':
        return { kind: 'object', letter: 'M', text: this.#text() }
      case 'THREADID':
        return { kind: 'object', letter: 'T', text: this.#text() }
      default:
        return args.fail('unknown search key')
    }
  }

  /** RFC 6203 §3: all strings in the key that follows are meant as people mean them; of other keys nothing changes. */
  #fuzzy(depth: number): SearchKey {
    this.hasFuzzy = true
    const before = this.#isFuzzy
    this.#isFuzzy = true
    const key = this.#key(depth + 1)
    this.#isFuzzy = before
    return key
  }

  /** A string without words can only be meant as it is. */
  #textKey(kind: FuzzyRegion): SearchKey {
    const text = this.#text()
    return this.#isFuzzy && hasWord(text) ? { kind: 'fuzzy', region: kind, text } : { kind, text }
  }

  /** RFC 5466 §4 */
  #filterName(): string {
    const name = this.#args.atom()
    return name.includes('/') ? this.#args.fail('no such name of a filter is possible') : name
  }

  /** RFC 7162 §3.1.5: of a message there is one mod-sequence, so that the flag is of no account. */
  #entryName(): void {
    const args = this.#args
    const name = args.string().toString('latin1').toLowerCase()
    if (!/^\/flags\/\\?[^\x00-\x20\x7f-\xff(){%*"\]\\]+$/.test(name)) args.fail('no entry of that name')
    args.sp()
    if (!['all', 'priv', 'shared'].includes(args.atom().toLowerCase())) args.fail('unknown type of entry')
    args.sp()
  }

  #text(): string {
    const text = utf8Of(this.#args.astring())
    if (text === undefined) this.hasBadText = true
    return text ?? ''
  }
}

/** The criteria for one mailbox. */
export function resolveKeys(key: SearchKey, place: SearchPlace): SearchCriteria {
  switch (key.kind) {
    case 'set':
      return { kind: 'uids', ranges: place.rangesOf(key.set, key.byUid) }
    case 'object': {
      const number = objectNumber(key.letter, key.text, place.idPrefix) ?? 0
      if (key.letter === 'M') return { kind: 'message', id: number as MessageId }
      return { kind: 'thread', id: number as ThreadId }
    }
    case 'filter':
      throw new Error('a filter that was not replaced')
    case 'and':
    case 'or':
      return { kind: key.kind, of: key.of.map((one) => resolveKeys(one, place)) }
    case 'not':
      return { kind: 'not', of: resolveKeys(key.of, place) }
    default:
      return key
  }
}
