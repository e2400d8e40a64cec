/**
 * Keywords: what a user or a program says of a message, named as JMAP names them (RFC 8621 §4.1.1).
 *
 * Stored in lower case, sorted and without repetitions, so that equal sets are equal lists. IMAP's system
 * flags are the keywords `$seen`, `$answered`, `$flagged` and `$draft`; `\Deleted` is no keyword, it belongs to
 * one entry of a message.
 */
import { Fault } from '#base/fault.ts'

/** Keywords that one message may have. */
export const maxKeywords = 128
/** RFC 8621 §4.1.1. */
const maxKeywordBytes = 255
/** Of all that one message has: combinations of keywords are kept in memory. */
const maxKeywordsBytes = 4096

/** Codes in message rows are positions in this list: append only. */
export const codedKeywords: readonly string[] = [
  '$seen',
  '$answered',
  '$flagged',
  '$draft',
  '$forwarded',
  '$mdnsent',
  '$junk',
  '$notjunk',
  '$phishing',
  '$important',
  '$submitted',
  '$submitpending',
  'junk',
  'nonjunk',
]

/** True for a keyword in any case that RFC 8621 §4.1.1 allows: visible ASCII without ( ) { ] % * " \ */
function isKeyword(text: string): boolean {
  if (text.length === 0 || text.length > maxKeywordBytes) return false
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c <= 0x20 || c >= 0x7f || '(){]%*"\\'.includes(text[i]!)) return false
  }
  return true
}

/**
 * The keywords as they are stored. Throws Fault('invalid') for one that no message can have, and
 * Fault('tooLarge') for too many.
 */
export function normalizeKeywords(keywords: Iterable<string>): readonly string[] {
  const found = new Set<string>()
  let bytes = 0
  for (const keyword of keywords) {
    if (!isKeyword(keyword)) throw new Fault('invalid', 'no such keyword', { properties: ['keywords'] })
    const before = found.size
    if (found.add(keyword.toLowerCase()).size > before) bytes += keyword.length
    if (found.size > maxKeywords || bytes > maxKeywordsBytes)
      throw new Fault('tooLarge', 'too many keywords', { limit: maxKeywords })
  }
  return [...found].sort()
}

export const isSeen = (keywords: readonly string[]): boolean => keywords.includes('$seen')

/** RFC 8621 §2: drafts are never unread. */
export const isUnread = (keywords: readonly string[]): boolean =>
  !keywords.includes('$seen') && !keywords.includes('$draft')

/** Both lists must be as `normalizeKeywords` returns them. */
export const sameKeywords = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((keyword, i) => keyword === b[i])
