/**
 * DMARC (RFC 9989): whether the domain that a message's From field shows is vouched for by SPF or by a DKIM
 * signature, and what its owner wants done if it is not.
 *
 * What must hold: a check asks a bounded number of questions whatever the message says. A message passes only
 * if each author's domain does. Where the DNS gave no answer that was needed, the result is neither pass nor
 * fail, and no policy applies (RFC 9989 §5.3.6).
 */
import { normaliseDomain } from '#base/domain-name.ts'
import type { DmarcPolicy, DmarcRecord } from './dmarc-record.ts'
import {
  applicableRecord,
  DmarcRecords,
  findOrganizationalDomain,
  isWithin,
  type TreeWalk,
  walkTree,
} from './dmarc-tree-walk.ts'
import type { AuthResolver } from './resolver.ts'

export interface DmarcInput {
  /** As `readAuthorDomains` gives them; names in Unicode are taken too. */
  readonly fromDomains: readonly string[]
  /** Of the MAIL FROM identity, which with an empty reverse-path is that of HELO (RFC 7208 §2.4). */
  readonly spf?: { readonly result: string; readonly domain: string } | undefined
  /** Of each signature, with its `d` and `s`. */
  readonly dkim: readonly { readonly result: string; readonly domain: string; readonly selector: string }[]
  readonly resolver: AuthResolver
  readonly signal: AbortSignal
}

type DmarcResult = 'none' | 'pass' | 'fail' | 'temperror' | 'permerror'
/** `strict`: the same domain. `relaxed`: another domain of the same organization, and that is enough. */
export type Alignment = 'strict' | 'relaxed' | 'none'

export interface DmarcCheck {
  readonly result: DmarcResult
  /** The author's domain that decided; empty where there is none. */
  readonly authorDomain: string
  /** Where the record was found, and the record. */
  readonly policyDomain?: string
  readonly record?: DmarcRecord
  /** Of the author's domain, where it had to be found out. */
  readonly organizationalDomain?: string
  /** What the record says about mail of the author's domain. */
  readonly policy: DmarcPolicy
  /** The same after `t=y` made it milder. */
  readonly effectivePolicy: DmarcPolicy
  /** What is to be done with this message: the effective policy where it fails, else `none`. */
  readonly disposition: DmarcPolicy
  readonly spf: Alignment
  /** Of each signature, in the order given; `none` for one that did not pass. */
  readonly dkim: readonly Alignment[]
  /** In plain words. */
  readonly reason: string
}

/** RFC 9989 §11.5: of a From with several domains, as many are checked. */
const mostAuthors = 4
/** As many domains that passed SPF or DKIM are walked up from. */
const mostWalks = 16

/** Throws nothing but the signal's reason. */
export async function checkDmarc(input: DmarcInput): Promise<DmarcCheck> {
  const records = new DmarcRecords(input.resolver, input.signal)
  const authors = new Set(input.fromDomains.map((domain) => normaliseDomain(domain) ?? ''))
  const checks: DmarcCheck[] = []
  for (const author of [...authors].slice(0, mostAuthors)) {
    checks.push(
      author === ''
        ? unjudged('permerror', '', input, 'From has an address without a domain')
        : await new AuthorCheck(author, input, records).run(),
    )
  }
  if (authors.size === 0) checks.push(unjudged('permerror', '', input, 'From has no address'))
  if (authors.size > mostAuthors) {
    checks.push(unjudged('permerror', '', input, `From has addresses of ${authors.size} domains`))
  }
  return decisive(checks)
}

const severity: Record<DmarcPolicy, number> = { none: 0, quarantine: 1, reject: 2 }
/** What one author's domain may not be outvoted on, first to last. */
const precedence: readonly DmarcResult[] = ['fail', 'temperror', 'permerror', 'none', 'pass']

/** RFC 9989 §11.5: of several, the strictest policy among those that fail. */
function decisive(checks: readonly DmarcCheck[]): DmarcCheck {
  return checks.reduce((a, b) => {
    const order = precedence.indexOf(a.result) - precedence.indexOf(b.result)
    return order > 0 || (order === 0 && severity[b.disposition] > severity[a.disposition]) ? b : a
  })
}

type Unjudged = Pick<DmarcCheck, 'policyDomain' | 'record'>

/** A check that ended before anything was compared: no policy applies. */
function unjudged(
  result: DmarcResult,
  authorDomain: string,
  { dkim }: DmarcInput,
  reason: string,
  found: Unjudged = {},
): DmarcCheck {
  return {
    result,
    authorDomain,
    ...found,
    policy: 'none',
    effectivePolicy: 'none',
    disposition: 'none',
    spf: 'none',
    dkim: dkim.map(() => 'none'),
    reason,
  }
}

/** RFC 9989 §4.7, `t`. */
const milder: Record<DmarcPolicy, DmarcPolicy> = { none: 'none', quarantine: 'none', reject: 'quarantine' }

/** The check of one author's domain. */
class AuthorCheck {
  readonly #author: string
  readonly #input: DmarcInput
  readonly #records: DmarcRecords
  /** Domains that passed, and how they are aligned. */
  readonly #alignments = new Map<string, Alignment>()
  #organization: string | undefined
  #walks = 0
  /** Why it could not be found out whether some domain is aligned. */
  #doubt: string | undefined

  constructor(author: string, input: DmarcInput, records: DmarcRecords) {
    this.#author = author
    this.#input = input
    this.#records = records
  }

  async run(): Promise<DmarcCheck> {
    const author = this.#author
    const own = await this.#records.of(author)
    // RFC 9989 §4.10.1: the domain's own record holds whatever is above it.
    const walk: TreeWalk =
      own.kind === 'record'
        ? { kind: 'walked', start: author, found: [{ domain: author, record: own.record }] }
        : await walkTree(author, this.#records)
    if (walk.kind === 'failed') return this.#unjudged('temperror', walk.reason)
    const found = applicableRecord(walk)
    if (found === undefined) {
      const several = own.kind === 'none' && own.count > 1
      return this.#unjudged(
        'none',
        several
          ? `${author} has ${own.count} DMARC records, so that none counts`
          : `neither ${author} nor a domain above it has a DMARC record`,
      )
    }
    const { domain: policyDomain, record } = found
    if (!record.isUsable) {
      const reason = `the DMARC record of ${policyDomain} is malformed: ${record.problems.join(', ')}`
      return this.#unjudged('permerror', reason, { policyDomain, record })
    }
    return this.#judge(policyDomain, record)
  }

  #unjudged(result: DmarcResult, reason: string, found?: Unjudged): DmarcCheck {
    return unjudged(result, this.#author, this.#input, reason, found)
  }

  async #judge(policyDomain: string, record: DmarcRecord): Promise<DmarcCheck> {
    const { spf, dkim } = this.#input
    const spfAlignment =
      spf?.result === 'pass' ? await this.#align(spf.domain, record.spfAlignment) : ('none' as const)
    const dkimAlignments: Alignment[] = []
    for (const { result, domain } of dkim) {
      dkimAlignments.push(result === 'pass' ? await this.#align(domain, record.dkimAlignment) : 'none')
    }
    const passes = spfAlignment !== 'none' || dkimAlignments.some((one) => one !== 'none')
    const isNonexistent =
      passes || this.#doubt !== undefined ? false : await this.#isNonexistent(policyDomain, record)
    const result = passes ? 'pass' : this.#doubt === undefined ? 'fail' : 'temperror'
    const { p, sp = p, np = sp } = record
    const policy = policyDomain === this.#author ? p : isNonexistent ? np : sp
    const effectivePolicy = record.isTesting ? milder[policy] : policy
    return {
      result,
      authorDomain: this.#author,
      policyDomain,
      record,
      ...(this.#organization !== undefined && { organizationalDomain: this.#organization }),
      policy,
      effectivePolicy,
      disposition: result === 'fail' ? effectivePolicy : 'none',
      spf: spfAlignment,
      dkim: dkimAlignments,
      reason: this.#doubt !== undefined && !passes ? this.#doubt : this.#reason(spfAlignment, dkimAlignments),
    }
  }

  /** RFC 9989 §4.10.2 for one domain that passed. */
  async #align(identifier: string, mode: 'strict' | 'relaxed'): Promise<Alignment> {
    const domain = normaliseDomain(identifier)
    if (domain === undefined) return 'none'
    if (domain === this.#author) return 'strict'
    if (mode === 'strict') return 'none'
    const known = this.#alignments.get(domain)
    if (known !== undefined) return known
    const alignment = await this.#alignRelaxed(domain)
    this.#alignments.set(domain, alignment)
    return alignment
  }

  async #alignRelaxed(domain: string): Promise<Alignment> {
    // An organizational domain is the domain itself or above it: without a common end there is none in common.
    if (topLabel(domain) !== topLabel(this.#author)) return 'none'
    this.#organization ??= await this.#organizationOf(this.#author)
    if (this.#organization === undefined || !isWithin(domain, this.#organization)) return 'none'
    if (++this.#walks > mostWalks) return 'none'
    return (await this.#organizationOf(domain)) === this.#organization ? 'relaxed' : 'none'
  }

  async #organizationOf(domain: string): Promise<string | undefined> {
    const organization = await findOrganizationalDomain(domain, this.#records)
    if (organization.kind === 'found') return organization.domain
    this.#doubt ??= organization.reason
    return undefined
  }

  /** RFC 9989 §3.2.13, asked only where `np` says something of its own. */
  async #isNonexistent(policyDomain: string, { p, sp = p, np = sp }: DmarcRecord): Promise<boolean> {
    if (policyDomain === this.#author || np === sp) return false
    const { resolver, signal } = this.#input
    // Any type will do; this is the one that SPF asks for.
    const found = await resolver.resolve(this.#author, 'TXT', { signal })
    if (found.kind === 'failed') this.#doubt = `${this.#author}: ${found.reason}`
    return found.kind === 'noName'
  }

  #reason(spfAlignment: Alignment, dkimAlignments: readonly Alignment[]): string {
    const { spf, dkim } = this.#input
    const aligned = dkim.find((_, i) => dkimAlignments[i] !== 'none')
    const good = [
      ...(spfAlignment === 'none' ? [] : [`SPF passed for ${spf?.domain}`]),
      ...(aligned === undefined ? [] : [`a DKIM signature of ${aligned.domain} is valid`]),
    ]
    if (good.length > 0) return `${good.join(' and ')}, which vouches for ${this.#author}`
    const signers = new Set(dkim.filter(({ result }) => result === 'pass').map(({ domain }) => domain))
    const foreign = [
      ...(spf?.result === 'pass' ? [`SPF passed for ${spf.domain}`] : []),
      ...(signers.size === 0 ? [] : [`DKIM signatures are valid of ${[...signers].slice(0, 3).join(', ')}`]),
    ]
    return foreign.length > 0
      ? `${foreign.join(' and ')}, which does not vouch for ${this.#author}`
      : 'neither SPF nor a DKIM signature passed'
  }
}

const topLabel = (domain: string): string => domain.slice(domain.lastIndexOf('.') + 1)
