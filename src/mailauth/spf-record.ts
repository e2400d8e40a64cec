/**
 * SPF records (RFC 7208 §4.5, §4.6, §5, §6): which TXT record is one, and what stands in it. What must hold:
 * the whole record is read before any of it is used, since one error anywhere spoils it, and reading is linear
 * in a length that has a bound.
 */
import { SyntaxFault } from '#base/fault.ts'
import { type IpNetwork, networkOf, parseIp } from '#base/ip.ts'
import { printable } from './printable.ts'
import { type MacroString, parseDomainSpec, parseMacroString } from './spf-macro.ts'

export type Qualified = 'pass' | 'fail' | 'softfail' | 'neutral'

export type Mechanism =
  | { readonly name: 'all' }
  | { readonly name: 'include' | 'exists'; readonly domain: MacroString }
  /** `prefixBits` and `prefixBits6`: how many bits of an IPv4 and of an IPv6 address are compared. */
  | {
      readonly name: 'a' | 'mx'
      readonly domain: MacroString | undefined
      readonly prefixBits: number
      readonly prefixBits6: number
    }
  | { readonly name: 'ptr'; readonly domain: MacroString | undefined }
  | { readonly name: 'ip4' | 'ip6'; readonly network: IpNetwork }

export interface Directive {
  /** What the check gives where the mechanism matches. */
  readonly result: Qualified
  readonly mechanism: Mechanism
  /** As published. */
  readonly text: string
}

export interface SpfRecord {
  readonly directives: readonly Directive[]
  readonly redirect: MacroString | undefined
  readonly explanation: MacroString | undefined
}

/** Several times what is ever published; RFC 7208 §3.4 advises 450 octets, §11.1 a bound on the work. */
const longestRecord = 16_384
/** Of a term in the message of a fault. */
const longestTerm = 80

/** RFC 7208 §4.5: the version is ended by a space or the end. `text`: an octet per character. */
export const isSpfRecord = (text: string): boolean => /^v=spf1(?: |$)/i.test(text)

/**
 * `text` is one by `isSpfRecord`, an octet per character. Throws SyntaxFault at the start of a term, with a
 * message that shows it.
 */
export function parseSpfRecord(text: string): SpfRecord {
  if (text.length > longestRecord)
    throw new SyntaxFault(`longer than ${longestRecord} octets, which nobody needs`, longestRecord)
  const directives: Directive[] = []
  const known: { redirect?: MacroString; exp?: MacroString } = {}
  let at = 'v=spf1'.length
  while (at < text.length) {
    // Only spaces separate terms, no other white space (RFC 7208 §4.6.1).
    if (text[at] === ' ') {
      at++
      continue
    }
    const space = text.indexOf(' ', at)
    const end = space === -1 ? text.length : space
    const term = text.slice(at, end)
    try {
      if (!readModifier(term, known)) directives.push(readDirective(term))
    } catch (error) {
      if (!(error instanceof SyntaxFault)) throw error
      throw new SyntaxFault(`"${printable(term, longestTerm)}": ${error.message}`, at)
    }
    at = end
  }
  return { directives, redirect: known.redirect, explanation: known.exp }
}

/** False where the term is no modifier: those have a `=` before any `:` or `/` (RFC 7208 §4.6.1). */
function readModifier(term: string, known: { redirect?: MacroString; exp?: MacroString }): boolean {
  const special = term.search(/[=:/]/)
  if (special === -1 || term[special] !== '=') return false
  const name = term.slice(0, special).toLowerCase()
  const value = term.slice(special + 1)
  if (!/^[a-z][a-z\d._-]*$/.test(name)) throw new SyntaxFault('this is no name of a modifier', 0)
  if (name !== 'redirect' && name !== 'exp') {
    // RFC 7208 §6: others are ignored wherever they stand, but the text has to be a macro-string.
    parseMacroString(value)
    return true
  }
  if (known[name] !== undefined) throw new SyntaxFault(`${name} may stand in a record only once`, 0)
  known[name] = parseDomainSpec(value)
  return true
}

const qualifiers: { readonly [c: string]: Qualified } = {
  '+': 'pass',
  '-': 'fail',
  '~': 'softfail',
  '?': 'neutral',
}

function readDirective(term: string): Directive {
  const qualifier = qualifiers[term[0]!]
  const rest = qualifier === undefined ? term : term.slice(1)
  return { result: qualifier ?? 'pass', mechanism: readMechanism(rest), text: term }
}

function readMechanism(text: string): Mechanism {
  const special = text.search(/[:/]/)
  const name = (special === -1 ? text : text.slice(0, special)).toLowerCase()
  const rest = special === -1 ? '' : text.slice(special)
  switch (name) {
    case 'all':
      if (rest !== '') throw new SyntaxFault('nothing may follow "all"', special)
      return { name }
    case 'include':
    case 'exists':
      if (!rest.startsWith(':')) throw new SyntaxFault(`"${name}" needs ":" and a domain`, name.length)
      return { name, domain: parseDomainSpec(rest.slice(1)) }
    case 'a':
    case 'mx':
      return readHosts(name, rest)
    case 'ptr':
      return { name, domain: readDomain(rest) }
    case 'ip4':
    case 'ip6':
      return { name, network: readNetwork(name, rest) }
    default:
      throw new SyntaxFault('there is no such mechanism', 0)
  }
}

/** `:` and a domain-spec, or nothing. */
function readDomain(text: string): MacroString | undefined {
  if (text === '') return undefined
  if (!text.startsWith(':')) throw new SyntaxFault('this needs ":" and a domain, or nothing', 0)
  // Often published, so worth a message of its own.
  if (parseIp(text.slice(1)) !== undefined) throw new SyntaxFault('addresses are for "ip4" and "ip6"', 1)
  return parseDomainSpec(text.slice(1))
}

function readHosts(name: 'a' | 'mx', rest: string): Mechanism {
  // A slash may stand in a domain as well, but none ends in a slash and digits (RFC 7208 §5.6, §7.1).
  const lengths = /(?:\/(0|[1-9]\d{0,2}))?(?:\/\/(0|[1-9]\d{0,2}))?$/.exec(rest)!
  const prefixBits = Number(lengths[1] ?? 32)
  const prefixBits6 = Number(lengths[2] ?? 128)
  if (prefixBits > 32 || prefixBits6 > 128)
    throw new SyntaxFault('a prefix has at most 32 bits, of IPv6 128', 0)
  return { name, domain: readDomain(rest.slice(0, lengths.index)), prefixBits, prefixBits6 }
}

function readNetwork(name: 'ip4' | 'ip6', rest: string): IpNetwork {
  const match = /^:([^/]+)(?:\/(0|[1-9]\d{0,2}))?$/.exec(rest)
  if (match === null) throw new SyntaxFault('this needs ":", an address, and maybe "/" and a number', 0)
  const text = match[1]!
  const isV6 = name === 'ip6'
  const ip = text.includes(':') === isV6 && !text.includes('%') ? parseIp(text) : undefined
  if (ip === undefined) throw new SyntaxFault(`this is no address for "${name}"`, 1)
  const bits = isV6 ? 128 : 32
  const prefixBits = Number(match[2] ?? bits)
  if (prefixBits > bits) throw new SyntaxFault(`the prefix has at most ${bits} bits`, 0)
  // RFC 7208 §5: IPv4 is listed with "ip4" only, so a mapped address stays IPv6 here and matches no IPv4.
  return networkOf(isV6 && ip.length === 4 ? mapped(ip) : ip, prefixBits)
}

const mapped = (ip: Uint8Array): Uint8Array => Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...ip)
