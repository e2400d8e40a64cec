/**
 * The evaluation of SPF records (RFC 7208 §4, §5, §6.1): check_host() with its look-ups. What must hold: one
 * set of limits counts for all records of a check, so records that name each other end; each question waits
 * for the one before, since an earlier mechanism may make it needless.
 */
import { SyntaxFault } from '#base/fault.ts'
import { networkContains, networkOf, parseIp } from '#base/ip.ts'
import { addressesOf, hasAddress, namesOf } from './iprev.ts'
import { printable } from './printable.ts'
import type { AskedType, AuthResolver, Found } from './resolver.ts'
import {
  expandDomain,
  expandText,
  type MacroString,
  type MacroValues,
  parseExplanation,
  usesMacro,
} from './spf-macro.ts'
import {
  type Directive,
  isSpfRecord,
  type Mechanism,
  parseSpfRecord,
  type Qualified,
  type SpfRecord,
} from './spf-record.ts'

/** RFC 7208 §4.6.4. */
const mostLookups = 10
const mostVoids = 2
const mostMx = 10
/** Of the text that a domain gives for its fail: several lines of a reply. */
const longestExplanation = 400

/** An error that ends the whole check, wherever it is met (RFC 7208 §5, §5.2). */
export class SpfError extends Error {
  readonly result: 'temperror' | 'permerror'
  constructor(result: 'temperror' | 'permerror', reason: string) {
    super(reason)
    this.name = 'SpfError'
    this.result = result
  }
}

export interface Facts {
  readonly ip: Uint8Array
  /** What macros expand to, but for `d` and `p`, which depend on the record. */
  readonly values: Omit<MacroValues, 'd' | 'p'>
  readonly resolver: AuthResolver
  readonly signal: AbortSignal | undefined
}

/** What a record said about the client. */
export interface Verdict {
  readonly result: Qualified
  /** Which one matched; undefined where none did. */
  readonly directive: Directive | undefined
  /** The record of the last redirection, and whose it is. */
  readonly record: SpfRecord
  readonly domain: string
}

/** There is nothing to go by: no such name, or no record at it. */
export interface NoRecord {
  readonly result: 'none'
  readonly reason: string
}

/** RFC 7208 §4.3: what could be a name, with two labels at least. */
const isFullName = (name: string): boolean => isName(name) && name.includes('.')

/** RFC 1035 §2.3.4 for a name without escapes, of octets that macros can give, which is not too long as a whole. */
const isName = (name: string): boolean =>
  /^[\x20-\x7e]+$/.test(name) && name.split('.').every((label) => label !== '' && label.length <= 63)

type Records<T extends AskedType> = Extract<Found<T>, { kind: 'answer' }>['records']

/** RFC 7208 §3.3: strings are joined without anything between; an octet per character. */
const textOf = ({ strings }: { readonly strings: readonly Uint8Array[] }): string =>
  Buffer.concat(strings).toString('latin1')

/** As `resolver.ts` wants it: an expanded name has no escapes (RFC 7208 §4.8), so what looks like one is none. */
const spelled = (name: string): string =>
  name.replace(/[ \\]/g, (octet) => (octet === ' ' ? '\\032' : '\\\\'))

export class SpfEvaluation {
  readonly #facts: Facts
  #lookups = 0
  #voids = 0
  /** The term at hand has asked for what is not there. */
  #isVoid = false
  /** Limits are for what decides. */
  #isDecided = false
  #names: readonly string[] | undefined
  readonly #validated = new Map<string, boolean>()

  constructor(facts: Facts) {
    this.#facts = facts
  }

  /** RFC 7208 §4: check_host(). Throws SpfError, and the signal's reason. */
  async checkHost(start: string): Promise<Verdict | NoRecord> {
    let domain = start
    for (let isRedirected = false; ; isRedirected = true) {
      const record = await this.#recordOf(domain)
      if ('result' in record) {
        // RFC 7208 §6.1: a redirection to nothing is an error.
        if (isRedirected) throw new SpfError('permerror', `redirect: ${record.reason}`)
        return record
      }
      const matched = await this.#firstMatch(record, domain)
      if (matched !== undefined) return { result: matched.result, directive: matched, record, domain }
      const next = record.redirect === undefined ? undefined : await this.#redirected(record.redirect, domain)
      // RFC 7208 §4.7.
      if (next === undefined) return { result: 'neutral', directive: undefined, record, domain }
      domain = next
    }
  }

  /** RFC 7208 §6.2: what the domain says of its fail, printable ASCII; undefined where that is nothing. */
  async explanation({ record, domain }: Verdict): Promise<string | undefined> {
    this.#isDecided = true
    if (record.explanation === undefined) return undefined
    const target = await this.#target(record.explanation, domain)
    if (target === undefined || !isName(target)) return undefined
    const found = await this.#ask(target, 'TXT')
    if (found.kind !== 'answer' || found.records.length !== 1) return undefined
    try {
      const text = parseExplanation(textOf(found.records[0]!))
      const values = await this.#valuesFor(text, domain)
      // What senders have put into it with macros is cleaned, too.
      return printable(expandText(text, values, longestExplanation), longestExplanation) || undefined
    } catch (error) {
      if (error instanceof SyntaxFault) return undefined
      throw error
    }
  }

  /** What a domain-spec names in the record of `domain`; undefined where its term is to do nothing. */
  async #target(spec: MacroString, domain: string): Promise<string | undefined> {
    // RFC 8616 §4: no label is made of a local part that is not ASCII.
    if (usesMacro(spec, 's', 'l') && /[^\x20-\x7e]/.test(this.#facts.values.l)) return undefined
    return expandDomain(spec, await this.#valuesFor(spec, domain))
  }

  async #valuesFor(string: MacroString, domain: string): Promise<MacroValues> {
    const p = usesMacro(string, 'p') ? await this.#validatedName(domain) : ''
    return { ...this.#facts.values, d: domain, p }
  }

  #ask<T extends AskedType>(name: string, type: T): Promise<Found<T>> {
    const { resolver, signal } = this.#facts
    return resolver.resolve(spelled(name), type, signal === undefined ? {} : { signal })
  }

  /** RFC 7208 §4.3 to §4.6. */
  async #recordOf(domain: string): Promise<SpfRecord | NoRecord> {
    if (!isFullName(domain)) return { result: 'none', reason: `"${domain}" is no full domain name` }
    const found = await this.#ask(domain, 'TXT')
    if (found.kind === 'failed') throw new SpfError('temperror', `TXT of ${domain}: ${found.reason}`)
    if (found.kind === 'noName') return { result: 'none', reason: `the name ${domain} does not exist` }
    const texts = found.kind === 'noData' ? [] : found.records
    const records = texts.map(textOf).filter((text) => isSpfRecord(text))
    if (records.length === 0) return { result: 'none', reason: `${domain} has no SPF record` }
    if (records.length > 1)
      throw new SpfError('permerror', `${domain} has ${records.length} SPF records, only one is allowed`)
    try {
      return parseSpfRecord(records[0]!)
    } catch (error) {
      if (!(error instanceof SyntaxFault)) throw error
      throw new SpfError('permerror', `the SPF record of ${domain} is not valid: ${error.message}`)
    }
  }

  async #redirected(spec: MacroString, domain: string): Promise<string | undefined> {
    this.#countLookup()
    return this.#target(spec, domain)
  }

  async #firstMatch({ directives }: SpfRecord, domain: string): Promise<Directive | undefined> {
    for (const directive of directives) if (await this.#matches(directive.mechanism, domain)) return directive
    return undefined
  }

  async #matches(mechanism: Mechanism, domain: string): Promise<boolean> {
    if (mechanism.name === 'all') return true
    if ('network' in mechanism) return networkContains(mechanism.network, this.#facts.ip)
    this.#countLookup()
    this.#isVoid = false
    const target = mechanism.domain === undefined ? domain : await this.#target(mechanism.domain, domain)
    if (target === undefined) return false
    switch (mechanism.name) {
      case 'include':
        return this.#includes(target)
      case 'a':
        return this.#isAmong(await this.#addresses(target), mechanism)
      case 'mx':
        return this.#isMxHost(target, mechanism)
      case 'ptr':
        return this.#isBelow(target)
      case 'exists':
        return (await this.#records(target, 'A')).length > 0
    }
  }

  /** RFC 7208 §5.2. */
  async #includes(target: string): Promise<boolean> {
    const verdict = await this.checkHost(target)
    if (verdict.result === 'none') throw new SpfError('permerror', `include: ${verdict.reason}`)
    return verdict.result === 'pass'
  }

  /** RFC 7208 §5.4. The host is never one for lack of MX records. */
  async #isMxHost(target: string, prefix: Prefix): Promise<boolean> {
    const hosts = await this.#records(target, 'MX')
    if (hosts.length > mostMx)
      throw new SpfError('permerror', `${target} has ${hosts.length} MX records, more than ${mostMx}`)
    for (const { exchange } of hosts) {
      // RFC 7505 §3: a domain without mail.
      if (exchange === '' || exchange === '.') continue
      const found: Found<'A' | 'AAAA'> = await addressesOf(exchange, this.#facts)
      if (this.#isAmong(this.#counted(`addresses of ${exchange}`, found), prefix)) return true
    }
    return false
  }

  /** RFC 7208 §5.5: one of the client's names is the target or below it, and leads back to the client. */
  async #isBelow(target: string): Promise<boolean> {
    for (const name of await this.#clientNames())
      if (isWithin(name, target) && (await this.#isValidated(name))) return true
    return false
  }

  /** RFC 7208 §7.3: what `p` expands to. */
  async #validatedName(domain: string): Promise<string> {
    // RFC 7208 §4.6.4: the question for the names counts where a macro asks it, too.
    if (this.#names === undefined) this.#countLookup()
    const names = await this.#clientNames()
    const best = (name: string) =>
      name.toLowerCase() === domain.toLowerCase() ? 0 : isWithin(name, domain) ? 1 : 2
    for (const name of names.toSorted((a, b) => best(a) - best(b)))
      if (await this.#isValidated(name)) return name
    return 'unknown'
  }

  /**
   * Asked for once in a check. Void look-ups from here on do not count: these names are chosen by the client,
   * who must not be able to turn a fail into an error with them.
   */
  async #clientNames(): Promise<readonly string[]> {
    if (this.#names === undefined) {
      const found = await namesOf(this.#facts)
      this.#names = found.kind === 'names' ? found.names : []
    }
    return this.#names
  }

  async #isValidated(name: string): Promise<boolean> {
    let is = this.#validated.get(name)
    if (is === undefined) {
      is = hasAddress(await addressesOf(name, this.#facts), this.#facts.ip)
      this.#validated.set(name, is)
    }
    return is
  }

  #isAmong(addresses: readonly { readonly ip: string }[], { prefixBits, prefixBits6 }: Prefix): boolean {
    const { ip } = this.#facts
    return addresses.some((record) => {
      const address = parseIp(record.ip)
      if (address === undefined || address.length !== ip.length) return false
      return networkContains(networkOf(address, ip.length === 4 ? prefixBits : prefixBits6), ip)
    })
  }

  #addresses(name: string): Promise<readonly { readonly ip: string }[]> {
    return this.#records(name, this.#facts.ip.length === 4 ? 'A' : 'AAAA')
  }

  async #records<T extends AskedType>(name: string, type: T): Promise<Records<T>> {
    // RFC 7208 §4.8 leaves open what becomes of a name that cannot be; to us nothing is there.
    if (!isName(name)) return []
    return this.#counted(`${type} of ${name}`, await this.#ask(name, type))
  }

  /** The records, where the question is one of a mechanism. */
  #counted<T extends AskedType>(what: string, found: Found<T>): Records<T> {
    if (found.kind === 'failed') throw new SpfError('temperror', `${what}: ${found.reason}`)
    if (found.kind === 'answer') return found.records
    // RFC 7208 §4.6.4 counts terms, not questions: a host without IPv6 is no abuse, and MX may name several.
    if (!this.#isVoid && ++this.#voids > mostVoids)
      throw new SpfError(
        'permerror',
        `more than ${mostVoids} terms ask for what does not exist, the last: ${what}`,
      )
    this.#isVoid = true
    return []
  }

  #countLookup(): void {
    if (!this.#isDecided && ++this.#lookups > mostLookups)
      throw new SpfError('permerror', `the SPF records need more than ${mostLookups} look-ups`)
  }
}

interface Prefix {
  readonly prefixBits: number
  readonly prefixBits6: number
}

/** `name` is `domain` or below it. */
function isWithin(name: string, domain: string): boolean {
  const folded = name.toLowerCase()
  const ancestor = domain.toLowerCase()
  return folded === ancestor || folded.endsWith(`.${ancestor}`)
}
