/**
 * Search snippets (RFC 8621 §5): the subject of a message and a piece of its text, as HTML in which the words and
 * phrases of a filter are marked.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { isFault, SyntaxFault } from '#base/fault.ts'
import type { AccountId, MessageId } from '#base/id.ts'
import type { BlobStore } from '#blob/store.ts'
import type { Db } from '#kv/db.ts'
import { foldText, isAsciiText } from '#message/fold-text.ts'
import { StoredStructure } from '#message/structure-codec.ts'
import { type FuzzyWord, fuzzyWords, quality, type Stemmer, stemQuality } from '#search/fuzzy.ts'
import { type Languages, loadLanguages } from '#search/languages.ts'
import { hasWord, isUnspaced } from '#search/words.ts'
import type { EmailFilter } from '../email-query/filter.ts'
import { bare, isSingleWord, readTokens, type TextToken } from '../email-query/text.ts'
import type { StoredBytes } from '../message-bytes.ts'
import { messageText } from './part-text.ts'
import { phraseWords } from './phrase-match.ts'
import { messageTable, structureTable } from '../tables.ts'

/** RFC 8621 §5. */
const mostPreviewBytes = 255
/** Characters that stand before what is marked first. */
const leadIn = 60
/** Text of a message that is looked through, and how much at once. */
const mostText = 1 << 20
const windowText = 8192

type Term =
  | { readonly kind: 'word'; readonly word: FuzzyWord }
  | { readonly kind: 'phrase'; readonly words: readonly string[] }
  | { readonly kind: 'exact'; readonly folded: string }

/** What to look for. */
export interface SnippetTerms {
  readonly subject: readonly Term[]
  readonly body: readonly Term[]
  readonly languages: Languages
}

export interface SearchSnippet {
  readonly subject: string | null
  readonly preview: string | null
}

/** Undefined where the filter asks for no text, or for none that a snippet shows. */
export async function snippetTerms(filter: EmailFilter | undefined): Promise<SnippetTerms | undefined> {
  const subject: TextToken[] = []
  const body: TextToken[] = []
  for (const condition of positiveConditions(filter)) {
    for (const [name, lists] of [
      ['text', [subject, body]],
      ['subject', [subject]],
      ['body', [body]],
    ] as const) {
      const tokens = readTokens(condition[name] ?? '')
      for (const list of lists) list.push(...tokens)
    }
  }
  if (subject.length + body.length === 0) return undefined
  const languages = await loadLanguages()
  const terms = (tokens: readonly TextToken[]): readonly Term[] =>
    tokens.map((token) => termOf(token, languages))
  return { subject: terms(subject), body: terms(body), languages }
}

/** What is excluded is not marked. */
function* positiveConditions(
  filter: EmailFilter | undefined,
): Generator<Extract<EmailFilter, { condition: unknown }>['condition']> {
  if (filter === undefined) return
  if ('condition' in filter) yield filter.condition
  else if (filter.operator !== 'NOT') for (const one of filter.conditions) yield* positiveConditions(one)
}

function termOf({ text, isPhrase }: TextToken, { stemmers }: Languages): Term {
  if (!isPhrase && isSingleWord(text)) {
    const [word] = fuzzyWords(bare(text), stemmers, false)
    if (word !== undefined) return { kind: 'word', word }
  }
  if (isPhrase && hasWord(text) && !isUnspaced(text)) return { kind: 'phrase', words: phraseWords(text) }
  return { kind: 'exact', folded: foldText(isPhrase ? text : bare(text)) }
}

const nothing: SearchSnippet = { subject: null, preview: null }

/** Of each message; undefined for one that is gone. What cannot be read any more has nothing to show. */
export async function searchSnippets(
  { db, blobs, signal }: { readonly db: Db; readonly blobs: BlobStore; readonly signal?: AbortSignal },
  account: AccountId,
  ids: readonly MessageId[],
  terms: SnippetTerms | undefined,
): Promise<readonly (SearchSnippet | undefined)[]> {
  const found: (SearchSnippet | undefined)[] = []
  for (const id of ids) {
    signal?.throwIfAborted()
    const [row, structure] = await db.read(async (tx) => [
      await tx.get(messageTable, account, id),
      await tx.get(structureTable, account, id),
    ])
    if (row === undefined || structure === undefined) found.push(undefined)
    else if (terms === undefined) found.push(nothing)
    else found.push(await snippetOf(blobs, { row, structure }, terms))
  }
  return found
}

async function snippetOf(
  blobs: BlobStore,
  { row, structure }: { readonly row: StoredBytes; readonly structure: Uint8Array },
  terms: SnippetTerms,
): Promise<SearchSnippet> {
  try {
    return await searchSnippet(blobs, { row, structure: new StoredStructure(structure) }, terms)
  } catch (error) {
    if (error instanceof SyntaxFault || isFault(error, 'notFound')) return nothing
    throw error
  }
}

async function searchSnippet(
  blobs: BlobStore,
  { row, structure }: { readonly row: StoredBytes; readonly structure: StoredStructure },
  { subject, body, languages }: SnippetTerms,
): Promise<SearchSnippet> {
  const title = structure.memberText('subject')
  const stemmer = languages.ofText(`${title}\n${structure.preview}`)
  const inSubject = rangesIn(title, subject, stemmer)
  return {
    subject: inSubject.length === 0 ? null : marked(title, inSubject, Number.POSITIVE_INFINITY).html,
    preview: body.length === 0 ? null : await previewOf(blobs, { row, structure }, body, stemmer),
  }
}

async function previewOf(
  blobs: BlobStore,
  { row, structure }: { readonly row: StoredBytes; readonly structure: StoredStructure },
  terms: readonly Term[],
  stemmer: Stemmer | undefined,
): Promise<string | null> {
  let looked = 0
  let before = ''
  for await (const { text, last } of messageText(blobs, row, structure.parts(), 'body')) {
    for (let from = 0; from < text.length; from += windowText) {
      const window = (before + text.slice(from, from + windowText)).replace(/\s+/g, ' ')
      const ranges = rangesIn(window, terms, stemmer)
      if (ranges.length > 0) return excerpt(window, ranges)
      // What is cut in two is seen whole with the next window.
      before = window.slice(-2 * leadIn)
      looked += windowText
      if (looked > mostText) return null
    }
    if (last) before = ''
    await nextTurn()
  }
  return null
}

/** Characters of a text, from one to before another. */
type Range = readonly [start: number, end: number]

/** Around the first match, beginning with a word. */
function excerpt(text: string, ranges: readonly Range[]): string {
  const [first] = ranges[0]!
  let start = Math.max(0, first - leadIn)
  if (start > 0) {
    const space = text.indexOf(' ', start)
    start = space === -1 || space >= first ? first : space + 1
  } else start = /^ */.exec(text)![0].length
  const shifted = ranges
    .filter(([from]) => from >= start)
    .map(([from, to]) => [from - start, to - start] as const)
  const lead = start > 0 && text.slice(0, start).trim() !== '' ? '…' : ''
  const room = mostPreviewBytes - Buffer.byteLength(lead)
  const { html, isWhole } = marked(text.slice(start).trimEnd(), shifted, room)
  return isWhole ? lead + html : `${lead}${marked(text.slice(start), shifted, room - 3).html}…`
}

/** Ascending, without overlaps. */
function rangesIn(text: string, terms: readonly Term[], stemmer: Stemmer | undefined): readonly Range[] {
  if (terms.length === 0) return []
  const { folded, placeOf } = foldWithPlaces(text)
  const words = Array.from(folded.matchAll(/[\p{L}\p{N}\p{M}]+/gu), (match) => ({
    word: match[0],
    at: match.index,
  }))
  const found: Range[] = []
  const add = (from: number, to: number): void => void found.push([placeOf(from), placeOf(to)])
  for (const term of terms) {
    if (term.kind === 'exact') addExact(folded, term.folded, add)
    else if (term.kind === 'phrase') addPhrases(words, term.words, add)
    else {
      for (const { word, at } of words) {
        const met = quality(term.word, word, stemmer?.stem(word))
        // Of a word that only begins so, that is marked.
        if (met > 0) add(at, at + (met < stemQuality ? term.word.word.length : word.length))
      }
    }
  }
  return joined(found)
}

interface Placed {
  readonly word: string
  readonly at: number
}

function addExact(folded: string, wanted: string, add: (from: number, to: number) => void): void {
  if (wanted === '') return
  for (let at = folded.indexOf(wanted); at !== -1; at = folded.indexOf(wanted, at + wanted.length))
    add(at, at + wanted.length)
}

function addPhrases(
  words: readonly Placed[],
  wanted: readonly string[],
  add: (from: number, to: number) => void,
): void {
  for (let i = 0; i + wanted.length <= words.length; i++) {
    if (!wanted.every((word, j) => words[i + j]!.word === word)) continue
    const last = words[i + wanted.length - 1]!
    add(words[i]!.at, last.at + last.word.length)
  }
}

function joined(ranges: readonly Range[]): readonly Range[] {
  const found: Range[] = []
  for (const [from, to] of ranges.toSorted(([a], [b]) => a - b)) {
    const last = found.at(-1)
    if (to <= from) continue
    if (last !== undefined && from < last[1]) found[found.length - 1] = [last[0], Math.max(last[1], to)]
    else found.push([from, to])
  }
  return found
}

/** The folded text, and where in the text its characters come from. */
function foldWithPlaces(text: string): { folded: string; placeOf: (at: number) => number } {
  if (isAsciiText(text)) return { folded: foldText(text), placeOf: (place) => place }
  const starts: number[] = []
  let folded = ''
  let at = 0
  for (const character of text) {
    const piece = foldText(character)
    for (let i = 0; i < piece.length; i++) starts.push(at)
    folded += piece
    at += character.length
  }
  starts.push(at)
  return { folded, placeOf: (place) => starts[place]! }
}

const open = '<mark>'
const close = '</mark>'
const entities: ReadonlyMap<string, string> = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
])

/** As HTML of at most so many octets, which ends before the first character that has no room. */
function marked(text: string, ranges: readonly Range[], most: number): { html: string; isWhole: boolean } {
  let html = ''
  let bytes = 0
  let next = 0
  let end = -1
  let at = 0
  for (const character of text) {
    if (at === end) {
      html += close
      end = -1
      next++
    }
    const piece = entities.get(character) ?? character.toWellFormed()
    const opens = end === -1 && at === ranges[next]?.[0]
    const size = Buffer.byteLength(piece) + (opens ? open.length + close.length : 0)
    if (bytes + size > most) return { html: end === -1 ? html : html + close, isWhole: false }
    if (opens) {
      html += open
      end = ranges[next]![1]
    }
    html += piece
    bytes += size
    at += character.length
  }
  return { html: end === -1 ? html : html + close, isWhole: true }
}
