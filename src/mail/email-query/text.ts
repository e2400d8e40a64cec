/**
 * The texts of filters of Email/query (RFC 8621 §4.4.1): words divided by white space, all of which must be there,
 * each in any of its forms or as the beginning of one; and phrases in quotes, which must be there as they are.
 */
import { hasWord, isUnspaced } from '#search/words.ts'
import type { FuzzyRegion } from '#search/ranking.ts'
import type { SearchCriteria } from '../search/criteria.ts'

/** A word, or what stood between quotes. */
export interface TextToken {
  readonly text: string
  readonly isPhrase: boolean
}

/** More are not looked for; whoever asks for as many is refused before. */
const mostTokens = 1000

/** A quote begins a phrase where one that ends it follows; otherwise it is a sign as any other. */
export function readTokens(text: string): readonly TextToken[] {
  const tokens: TextToken[] = []
  for (let at = 0; at < text.length && tokens.length < mostTokens;) {
    if (/\s/.test(text[at]!)) {
      at++
      continue
    }
    const phrase = readPhrase(text, at)
    if (phrase !== undefined) {
      tokens.push({ text: phrase.text, isPhrase: true })
      at = phrase.end
      continue
    }
    const start = at
    while (at < text.length && !/\s/.test(text[at]!)) at++
    tokens.push({ text: text.slice(start, at), isPhrase: false })
  }
  return tokens
}

/** The apostrophe of a word ends no phrase: white space or another sign must follow. */
function readPhrase(text: string, start: number): { text: string; end: number } | undefined {
  const quote = text[start]!
  if (quote !== '"' && quote !== "'") return undefined
  let phrase = ''
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\' && at + 1 < text.length) phrase += text[++at]!
    else if (text[at] !== quote) phrase += text[at]!
    else if (quote === '"' || !/[\p{L}\p{N}]/u.test(text[at + 1] ?? ' ')) return { text: phrase, end: at + 1 }
    else phrase += quote
  }
  return undefined
}

/** All of the text's words and phrases, each somewhere in the region. */
export function textCriteria(region: FuzzyRegion, text: string): SearchCriteria {
  const of = readTokens(text).map((token) => tokenCriteria(region, token))
  return of.length === 1 ? of[0]! : { kind: 'and', of }
}

/** Each of the words and phrases must be in a field of this name; without any, there must be such a field. */
export function headerCriteria(name: string, text: string): SearchCriteria {
  const of = readTokens(text).map((token): SearchCriteria => ({ kind: 'header', name, text: token.text }))
  if (of.length === 0) return { kind: 'header', name, text: '' }
  return of.length === 1 ? of[0]! : { kind: 'and', of }
}

const members = ['from', 'to', 'cc', 'bcc', 'subject', 'body'] as const
type Member = (typeof members)[number]

function tokenCriteria(region: FuzzyRegion, { text, isPhrase }: TextToken): SearchCriteria {
  if (!isPhrase && isSingleWord(text)) return { kind: 'fuzzy', region, text: bare(text), withoutSlips: true }
  const exact = (member: Member): SearchCriteria =>
    isPhrase && hasWord(text)
      ? { kind: 'phrase', region: member, text }
      : { kind: member, text: isPhrase ? text : bare(text) }
  return region === 'text' ? { kind: 'or', of: members.map(exact) } : exact(region)
}

/** Without the punctuation of a sentence around it; all of it where nothing else is there. */
export function bare(token: string): string {
  let [start, end] = [0, token.length]
  while (start < end && '([{<'.includes(token[start]!)) start++
  while (end > start && ')]}>.,;:!?'.includes(token[end - 1]!)) end--
  return start === end ? token : token.slice(start, end)
}

/**
 * What is written with other signs in it, as an address is, is looked for as it stands; so is what has no words to
 * be told apart.
 */
export function isSingleWord(token: string): boolean {
  const inner = bare(token)
  return /^[\p{L}\p{N}\p{M}]+$/u.test(inner) && !isUnspaced(inner)
}
