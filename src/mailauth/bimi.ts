/**
 * BIMI (draft-brand-indicators-for-message-identification): whether the brand's indicator may be shown beside a
 * message, and which. What must hold: only a message that passed DMARC, of a domain whose policies leave nothing
 * open, is looked at further; an indicator was checked (`bimi-svg.ts`), and where the domain names evidence, that
 * was checked and holds the same indicator (`bimi-vmc.ts`). A check asks a bounded number of questions.
 */
import type { X509Certificate } from 'node:crypto'
import { equalBytes } from '#base/bytes.ts'
import { normaliseDomain } from '#base/domain-name.ts'
import { type Address, parseAddresses } from '#message/address.ts'
import { FieldScanner } from '#message/headers.ts'
import {
  type BimiRecord,
  localSelector,
  type Malformed,
  parseBimiRecord,
  parseSelectorField,
} from './bimi-record.ts'
import type { Evidence } from './bimi-vmc.ts'
import type { DkimCheck } from './dkim-check.ts'
import type { DmarcCheck } from './dmarc.ts'
import type { DmarcRecord } from './dmarc-record.ts'
import { DmarcRecords, organizationalDomain, walkTree } from './dmarc-tree-walk.ts'
import type { AuthResolver } from './resolver.ts'

/**
 * Gets what is at an address that begins with `https://`, from a server with a valid certificate. Undefined
 * where there is nothing, or more than `maxBytes`. Rejects with the signal's reason only.
 */
export type FetchDocument = (
  address: string,
  o: { readonly maxBytes: number; readonly signal: AbortSignal },
) => Promise<Uint8Array | undefined>

export interface BimiInput {
  /** Everything that stands before the body. */
  readonly header: Uint8Array
  readonly dmarc: DmarcCheck
  /** As DMARC was given them. */
  readonly dkim: readonly DkimCheck[]
  readonly resolver: AuthResolver
  readonly fetchDocument: FetchDocument
  /** Of authorities that issue mark certificates. */
  readonly trustedRoots: readonly X509Certificate[]
  readonly now: Date
  readonly signal: AbortSignal
}

export interface BimiCheck {
  readonly result: 'pass' | 'none' | 'fail' | 'temperror' | 'declined' | 'skipped'
  /** A few words of ASCII, for the comment beside the result; absent where the result says all. */
  readonly reason?: string
  /** Where the record was found, and the record. */
  readonly found?: FoundRecord
  /** Of the evidence; `none` where the domain named none, or it did not come to that. */
  readonly authority: 'pass' | 'fail' | 'none'
  /** What to show, uncompressed; there with `pass` only. */
  readonly svg?: Buffer
}

interface FoundRecord {
  readonly domain: string
  readonly selector: string
  readonly record: BimiRecord
}

const ended = (result: BimiCheck['result'], reason?: string, rest: Partial<BimiCheck> = {}): BimiCheck => ({
  result,
  ...(reason !== undefined && { reason }),
  authority: 'none',
  ...rest,
})

const isProblem = (read: object): read is Malformed => 'problem' in read

/** Throws nothing but the signal's reason. */
export async function checkBimi(input: BimiInput): Promise<BimiCheck> {
  const organization = await checkPolicies(input)
  if (typeof organization === 'object') return organization
  const selector = chooseSelector(input)
  if (typeof selector === 'object') return ended('fail', selector.problem)
  const found = await new Discovery(input).run(selector, [input.dmarc.authorDomain, organization])
  if ('result' in found) return found
  const { location } = found.record
  if (location === undefined) return ended('declined', undefined, { found })
  return checkIndicator(input, organization, found, location)
}

/** §7.1. Gives the organizational domain, or what the check came to. */
async function checkPolicies({ header, dmarc, resolver, signal }: BimiInput): Promise<string | BimiCheck> {
  const { result, authorDomain, effectivePolicy } = dmarc
  if (result !== 'pass') {
    return ended('skipped', result === 'none' ? 'no DMARC policy' : 'message failed DMARC')
  }
  if (readAuthor(header) === undefined) return ended('skipped', 'not one author')
  // A policy that this message would not have met matters as well.
  const walk = await walkTree(authorDomain, new DmarcRecords(resolver, signal))
  if (walk.kind === 'failed') return ended('temperror', 'DMARC policies could not be looked up')
  const organization = organizationalDomain(walk)
  const records = walk.found.filter(({ domain }) => domain === authorDomain || domain === organization)
  const isOpen = effectivePolicy === 'none' || !records.every(({ record }) => isStrict(record))
  return isOpen ? ended('skipped', 'too lax DMARC policy') : organization
}

function isStrict({ p, sp, isTesting, text }: DmarcRecord): boolean {
  // RFC 7489 §6.3; `t=y` of RFC 9989 §4.7 came in its place.
  const percent = /;\s*pct\s*=\s*(\d{1,3})\s*(?:;|$)/i.exec(text)?.[1]
  const isWhole = p === 'reject' || percent === undefined || Number(percent) === 100
  return p !== 'none' && sp !== 'none' && !isTesting && isWhole
}

/** The one address of the one From field; undefined where there are more, or none. */
function readAuthor(header: Uint8Array): Address | undefined {
  const [value, ...others] = fieldValues(header, 'from')
  const authors = parseAddresses(value ?? '').filter(({ host }) => host !== undefined)
  return others.length === 0 && authors.length === 1 ? authors[0] : undefined
}

function fieldValues(header: Uint8Array, name: string): readonly string[] {
  const values: string[] = []
  const scanner = new FieldScanner(header)
  while (scanner.next()) if (values.length < 2 && scanner.is(name)) values.push(scanner.value(65_536))
  return values
}

/** What the message says, else the default (§5.1). Only a field that an aligned signature covers counts (§5.5). */
function chooseSelector({ header, dmarc, dkim }: BimiInput): string | Malformed {
  const isSigned = dkim.some(({ names }, i) => dmarc.dkim[i] !== 'none' && names.includes('bimi-selector'))
  const values = isSigned ? fieldValues(header, 'bimi-selector') : []
  if (values.length > 1) return { problem: 'several BIMI-Selector fields' }
  return parseSelectorField(values[0] ?? '') ?? 'default'
}

/** Finding the record (§7.2). */
class Discovery {
  readonly #input: BimiInput

  constructor(input: BimiInput) {
    this.#input = input
  }

  /** Of the domains, the first that has a record for this selector decides. */
  async run(selector: string, domains: readonly string[]): Promise<FoundRecord | BimiCheck> {
    for (const domain of new Set(domains)) {
      const records = await this.#records(selector, domain)
      if ('result' in records) return records
      const [record, ...others] = records
      if (record === undefined) continue
      if (others.length > 0) return ended('fail', 'several records')
      if (isProblem(record)) return ended('fail', record.problem)
      const found = { domain, selector, record }
      return record.hasLocalSelectors ? this.#local(found) : found
    }
    return ended('none')
  }

  /** The record of the author's local part, where there is one (§4.5). */
  async #local(found: FoundRecord): Promise<FoundRecord | BimiCheck> {
    const { domain } = found
    const selector = localSelector(readAuthor(this.#input.header)?.mailbox ?? '')
    if (selector === undefined || selector === found.selector) return found
    const records = await this.#records(selector, domain)
    if ('result' in records) return records
    const [record, ...others] = records
    const isGood = record !== undefined && others.length === 0 && !isProblem(record)
    return isGood ? { domain, selector, record } : found
  }

  async #records(selector: string, domain: string): Promise<readonly (BimiRecord | Malformed)[] | BimiCheck> {
    const { resolver, signal } = this.#input
    const name = normaliseDomain(`${selector}._bimi.${domain}`)
    if (name === undefined) return []
    const answer = await resolver.resolve(name, 'TXT', { signal })
    if (answer.kind === 'failed') return ended('temperror', 'record could not be looked up')
    if (answer.kind !== 'answer') return []
    return answer.records
      .map(({ strings }) => parseBimiRecord(Buffer.concat(strings).toString('latin1')))
      .filter((read) => read !== undefined)
  }
}

/** §7.3 to §7.6: the evidence, then the indicator, which must be that of the evidence. */
async function checkIndicator(
  input: BimiInput,
  organization: string,
  found: FoundRecord,
  location: string,
): Promise<BimiCheck> {
  const evidence = await checkEvidence(input, organization, found)
  if (evidence !== undefined && isProblem(evidence)) {
    return ended('fail', evidence.problem, { found, authority: 'fail' })
  }
  const authority = evidence === undefined ? 'none' : 'pass'
  const fail = (reason: string) => ended('fail', reason, { found, authority })
  const { largestIndicatorBytes, readIndicator } = await import('./bimi-svg.ts')
  const bytes = await input.fetchDocument(location, { maxBytes: largestIndicatorBytes, signal: input.signal })
  if (bytes === undefined) return fail('indicator could not be fetched')
  const read = readIndicator(bytes)
  if (isProblem(read)) return fail(read.problem)
  // §7.9: who finds both addresses in BIMI-Location may use either.
  if (evidence !== undefined && !equalBytes(evidence.svg, read.svg)) {
    return fail('indicator is not that of the evidence')
  }
  return { result: 'pass', found, authority, svg: read.svg }
}

/** Undefined where the record names no evidence. */
async function checkEvidence(
  { fetchDocument, trustedRoots, now, signal }: BimiInput,
  organization: string,
  { domain, selector, record }: FoundRecord,
): Promise<Evidence | undefined> {
  if (record.evidence === undefined) return undefined
  // With a reader of ASN.1, which few messages need.
  const { largestEvidenceBytes, readEvidence } = await import('./bimi-vmc.ts')
  const evidence = await fetchDocument(record.evidence, { maxBytes: largestEvidenceBytes, signal })
  if (evidence === undefined) return { problem: 'evidence could not be fetched' }
  return readEvidence({ evidence, trustedRoots, domains: [domain, organization], selector, now })
}
