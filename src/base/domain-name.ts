/**
 * Domain names and mail addresses in the one spelling that is stored and compared.
 *
 * A domain is kept in lower case with A-labels (RFC 5890 §2.3.2.1), without a final dot: two names are the
 * same exactly if their texts are. A local part keeps its case and its quotes on the way to other servers,
 * since it is theirs to interpret (RFC 5321 §2.4); only the key by which our own accounts are looked up
 * is folded. Everything here is linear in its input and refuses over-long input first.
 */
import { normalized } from './normalize.ts'
import { domainToASCII, domainToUnicode } from 'node:url'
import { formatIp, parseIp } from './ip.ts'

/** RFC 1035 §2.3.4: 255 octets on the wire are 253 characters. */
const longestDomain = 253
const longestLabel = 63
/** RFC 5321 §4.5.3.1.3 with §4.5.3.1.1: 64 octets is what must be accepted, longer ones occur (VERP, SRS). */
const longestLocalPart = 255

const isAlphanumeric = (c: number): boolean => (c >= 0x61 && c <= 0x7a) || (c >= 0x30 && c <= 0x39)
const isDigit = (c: number): boolean => c >= 0x30 && c <= 0x39

/** Labels of letters, digits, hyphens inside, and underscores, which occur in real names and in service names. */
function isAsciiDomain(lowerCase: string): boolean {
  if (lowerCase.length === 0 || lowerCase.length > longestDomain) return false
  let start = 0
  let onlyDigits = true
  for (let i = 0; i <= lowerCase.length; i++) {
    const c = i === lowerCase.length ? 0x2e : lowerCase.charCodeAt(i)
    if (c === 0x2e) {
      if (i === start || i - start > longestLabel) return false
      if (lowerCase.charCodeAt(start) === 0x2d || lowerCase.charCodeAt(i - 1) === 0x2d) return false
      if (i === lowerCase.length) return !onlyDigits
      start = i + 1
      onlyDigits = true
    } else if (isAlphanumeric(c) || c === 0x2d || c === 0x5f) {
      if (!isDigit(c)) onlyDigits = false
    } else return false
  }
  return false
}

const allAscii = (text: string): boolean => {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false
  return true
}

/** ASCII that may stand in a domain; the URL host parser behind domainToASCII would give meaning to the rest. */
const hasForeignAscii = (text: string): boolean => {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    const lower = c >= 0x41 && c <= 0x5a ? c | 0x20 : c
    if (c < 0x80 && !isAlphanumeric(lower) && c !== 0x2d && c !== 0x2e && c !== 0x5f) return true
  }
  return false
}

/**
 * The stored spelling of a domain given with A-labels or U-labels in any case, with or without a final dot.
 * Undefined where it is none: an empty or over-long label, a character that no label holds, an IP address.
 */
export function normaliseDomain(text: string): string | undefined {
  if (text.length > longestDomain + 1 || hasForeignAscii(text)) return undefined
  const ascii = allAscii(text) ? text.toLowerCase() : domainToASCII(text)
  const name = ascii.endsWith('.') ? ascii.slice(0, -1) : ascii
  return isAsciiDomain(name) ? name : undefined
}

/** For people to read: U-labels where they are right. Takes a normalised domain. */
export const unicodeDomain = (domain: string): string => domainToUnicode(domain) || domain

/** A name that a host or a domain of ours may have: no underscores, two labels at least (RFC 5321 §2.3.5). */
export const isFullHostName = (domain: string): boolean => domain.includes('.') && !domain.includes('_')

export interface SplitAddress {
  /** As given, with its quotes if it had any. */
  readonly localPart: string
  /** A normalised domain, or an address literal such as `[192.0.2.1]` or `[IPv6:2001:db8::1]`. */
  readonly domain: string
}

/** The index of the `@` after the local part, -1 where there is none. */
function findAt(address: string): number {
  if (!address.startsWith('"')) {
    const at = address.indexOf('@')
    return at === address.lastIndexOf('@') ? at : -1
  }
  for (let i = 1; i < address.length; i++) {
    const c = address[i]
    if (c === '\\') i++
    else if (c === '"') return address[i + 1] === '@' ? i + 1 : -1
  }
  return -1
}

/** RFC 5321 §4.1.3. The address in it gets its one spelling. */
function normaliseLiteral(text: string): string | undefined {
  if (!text.endsWith(']')) return undefined
  const inner = text.slice(1, -1)
  const isV6 = /^ipv6:/i.test(inner)
  const spelled = isV6 ? inner.slice(5) : inner
  if (spelled.includes(':') !== isV6 || spelled.includes('%')) return undefined
  const ip = parseIp(spelled)
  if (ip === undefined) return undefined
  return ip.length === 16 ? `[IPv6:${formatIp(ip)}]` : `[${formatIp(ip)}]`
}

const hasControl = (text: string): boolean => {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c < 0x20 || c === 0x7f) return true
  }
  return false
}

/**
 * Splits `local-part@domain`. The local part is not held against the grammar (the reader of the protocol
 * does that, and senders with `a..b` exist), but it has no control characters, no space outside quotes, and
 * is not empty. Undefined where there is no single `@` outside quotes, or the domain is none.
 */
export function splitAddress(address: string): SplitAddress | undefined {
  if (address.length > longestLocalPart + 1 + longestDomain + 1) return undefined
  const at = findAt(address)
  if (at < 1) return undefined
  const localPart = address.slice(0, at)
  const isQuoted = localPart.startsWith('"')
  if (hasControl(localPart) || !localPart.isWellFormed()) return undefined
  if (!isQuoted && (localPart.includes(' ') || localPart.includes('"'))) return undefined
  if (Buffer.byteLength(localPart) > longestLocalPart) return undefined
  const rest = address.slice(at + 1)
  const domain = rest.startsWith('[') ? normaliseLiteral(rest) : normaliseDomain(rest)
  return domain === undefined ? undefined : { localPart, domain }
}

/** What stands behind the last `@` of an address that was read before; all of a text that has none. */
export const domainPart = (address: string): string => address.slice(address.lastIndexOf('@') + 1)

/** The stored spelling of an address: local part as given, domain normalised. Undefined where it is none. */
export function normaliseAddress(address: string): string | undefined {
  const split = splitAddress(address)
  return split === undefined ? undefined : `${split.localPart}@${split.domain}`
}

/** RFC 5321 §4.1.2: `"alice"` and `alice` are the same, and so are quoted characters with and without backslash. */
const unquote = (localPart: string): string =>
  localPart.startsWith('"') ? localPart.slice(1, -1).replaceAll(/\\(.)/gsu, '$1') : localPart

/**
 * What our own accounts and aliases are looked up by: without quotes, in Unicode form C, in lower case.
 * It is a key, not an address: it must not be sent to anybody.
 */
export const foldLocalPart = (localPart: string): string =>
  normalized(normalized(unquote(localPart), 'NFC').toLowerCase(), 'NFC')

/** The key of a whole address. Undefined where it is none, or where its local part is the empty `""`. */
export function foldAddress(address: string): string | undefined {
  const split = splitAddress(address)
  if (split === undefined) return undefined
  const localPart = foldLocalPart(split.localPart)
  return localPart === '' ? undefined : `${localPart}@${split.domain}`
}
