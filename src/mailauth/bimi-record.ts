/**
 * What BIMI reads (draft-brand-indicators-for-message-identification): the assertion record of a domain (§4.3),
 * the field by which a message chooses among several (§5.1), and the selector that is made from a local part
 * (§4.5). What must hold: nothing is mended, and an address that was read may stand in a header field.
 */
import { SyntaxFault } from '#base/fault.ts'
import { parseTagList, type TagList } from './tag-list.ts'

export interface BimiRecord {
  /** Where the indicator is, over HTTPS; undefined where the domain shows none. */
  readonly location: string | undefined
  /** Where the evidence is that it is the domain's, over HTTPS. */
  readonly evidence: string | undefined
  /** What the domain wants shown of a sender with a picture of their own; undefined where it says nothing we know. */
  readonly preference: 'brand' | 'personal' | undefined
  /** Local parts are selectors too. */
  readonly hasLocalSelectors: boolean
}

/** `problem` is a few words of ASCII. */
export interface Malformed {
  readonly problem: string
}

/** With the tag's name in front it fits a line (RFC 5322 §2.1.1). */
const longestAddress = 900

/** A tag list that begins with the version; undefined where it does not, which makes it nothing of BIMI's. */
function parseList(text: string): TagList | Malformed | undefined {
  if (!/^\s*v\s*=\s*BIMI1\s*(?:;|$)/.test(text.slice(0, 100))) return undefined
  try {
    return parseTagList(text)
  } catch (error) {
    if (error instanceof SyntaxFault) return { problem: 'malformed' }
    throw error
  }
}

/** An address over HTTPS with a full domain name (§4.3), without what has a meaning in header fields. */
function isAddress(text: string): boolean {
  if (text.length > longestAddress || !/^https:\/\/[!#-'*+\--:=?-[\]-~]+$/.test(text)) return false
  const url = URL.parse(text)
  return url !== null && url.username === '' && /\.[a-z][a-z0-9-]*$/.test(url.hostname)
}

/** Undefined where the text, the strings of a TXT record joined, is no record of BIMI. */
export function parseBimiRecord(text: string): BimiRecord | Malformed | undefined {
  const tags = parseList(text)
  if (tags === undefined || 'problem' in tags) return tags
  const location = tags.get('l')?.value
  const evidence = tags.get('a')?.value ?? ''
  const preference = tags.get('avp')?.value
  if (location === undefined) return { problem: 'no l= in the record' }
  if (location !== '' && !isAddress(location)) return { problem: 'bad l= in the record' }
  if (evidence !== '' && !isAddress(evidence)) return { problem: 'bad a= in the record' }
  if (location === '' && evidence !== '') return { problem: 'empty l= in the record' }
  return {
    location: location || undefined,
    evidence: evidence || undefined,
    preference: preference === 'brand' || preference === 'personal' ? preference : undefined,
    hasLocalSelectors: tags.get('lps')?.value === 'true',
  }
}

/** The selector that a BIMI-Selector field names; undefined where it is no field of this version. */
export function parseSelectorField(value: string): string | Malformed | undefined {
  const tags = parseList(value)
  if (tags === undefined || 'problem' in tags) return tags
  const selector = tags.get('s')?.value ?? ''
  return /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/i.test(selector)
    ? selector.toLowerCase()
    : { problem: 'bad s= in BIMI-Selector' }
}

/** The selector of a local part (§4.5), without quotes; undefined where it makes none. */
export function localSelector(localPart: string): string | undefined {
  const plus = localPart.indexOf('+')
  const base = plus < 0 ? localPart : localPart.slice(0, plus)
  if (base.length > 255) return undefined
  const selector = base
    .toLowerCase()
    .replace(/[_.]+/g, '-')
    .replace(/^-+|-+$/g, '')
  return /^[a-z0-9-]{1,63}$/.test(selector) ? selector : undefined
}
