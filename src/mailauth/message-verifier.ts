/**
 * All checks of where a message comes from, side by side: what the client's address and words allow is asked
 * for at once, keys and policies when the header is there, and the body is hashed while it comes in. What must
 * hold: nothing is decided here, only found out; what the signal ends counts as not found out, and nothing
 * waits any longer.
 */
import { vouchingSealer } from './arc-trust.ts'
import { type ArcCheck, ArcVerifier } from './arc-verify.ts'
import { readAuthorDomains } from './author-domain.ts'
import { type BimiCheck, type BimiInput, checkBimi } from './bimi.ts'
import type { DkimCheck } from './dkim-check.ts'
import type { KnownKeys } from './dkim-key.ts'
import { DkimVerifier } from './dkim-verify.ts'
import { checkDmarc, type DmarcCheck } from './dmarc.ts'
import { checkIprev, type IprevCheck } from './iprev.ts'
import { HeaderFields } from './header-fields.ts'
import type { AuthResolver } from './resolver.ts'
import { checkSpf, type SpfCheck } from './spf.ts'

/** Which checks are made. */
export interface WantedChecks {
  readonly iprev: boolean
  readonly spfHelo: boolean
  readonly spf: boolean
  readonly dkim: boolean
  readonly arc: boolean
  readonly dmarc: boolean
  /** Only for what passed DMARC. */
  readonly bimi: boolean
}

/** What is known of a message before its data. */
export interface Origin {
  /** Of the client, as `base/ip.ts` reads it. */
  readonly ip: Uint8Array
  /** What the client calls itself. */
  readonly helo: string
  /** The reverse-path, empty for the null one. */
  readonly sender: string
}

/** What was found out; absent where it was not asked for. */
export interface Verdict {
  readonly iprev?: IprevCheck
  readonly spfHelo?: SpfCheck
  readonly spf?: SpfCheck
  /** One for each signature. */
  readonly dkim?: readonly DkimCheck[]
  readonly arc?: ArcCheck
  readonly dmarc?: DmarcCheck
  /** Where DMARC fails: the domain of a trusted forwarder where it passed, by an unbroken chain of ARC. */
  readonly vouchedBy?: string
  readonly bimi?: BimiCheck
}

export interface MessageVerifierOptions {
  readonly origin: Origin
  readonly wanted: WantedChecks
  readonly resolver: AuthResolver
  /** Our host name. */
  readonly receiver: string
  readonly nowMs: number
  /** Ends all look-ups. */
  readonly signal: AbortSignal
  /** Keys that were read before, of all messages. */
  readonly known: KnownKeys
  readonly dkim: { readonly maxSignatures: number; readonly strict: boolean }
  /** Domains of forwarders that are believed, normalised. */
  readonly trustedSealers: readonly string[]
  readonly bimi: Pick<BimiInput, 'fetchDocument'> & {
    /** Asked for where a message gets so far. */
    readonly trustedRoots: () => BimiInput['trustedRoots']
  }
}

/** How far the clocks of signers may be from ours. */
const clockSkewMs = 300_000

export class MessageVerifier {
  readonly #o: MessageVerifierOptions
  readonly iprev: Promise<IprevCheck> | undefined
  readonly spfHelo: Promise<SpfCheck> | undefined
  readonly spf: Promise<SpfCheck> | undefined
  readonly #dkim: DkimVerifier | undefined
  readonly #arc: ArcVerifier | undefined
  #fromDomains: readonly string[] = []
  #header: Uint8Array = new Uint8Array(0)

  constructor(o: MessageVerifierOptions) {
    this.#o = o
    const { origin, wanted, resolver, receiver, nowMs, signal } = o
    if (wanted.iprev) this.iprev = observed(checkIprev({ ip: origin.ip, resolver, signal }))
    const spf = { ...origin, resolver, receiver, nowMs, signal }
    if (wanted.spfHelo) this.spfHelo = observed(checkSpf({ ...spf, identity: 'helo' }))
    if (wanted.spf) this.spf = observed(checkSpf({ ...spf, identity: 'mailfrom' }))
    const keys = { resolver, known: o.known, nowMs, clockSkewMs, signal }
    if (wanted.dkim) this.#dkim = new DkimVerifier({ ...keys, ...o.dkim })
    if (wanted.arc) this.#arc = new ArcVerifier(keys)
  }

  /** Takes the whole header, before any of the body. The bytes must stay as they are until `end`. */
  header(block: Uint8Array): void {
    this.#header = block
    if (this.#dkim !== undefined || this.#arc !== undefined) {
      const header = new HeaderFields(block)
      this.#dkim?.header(block, header)
      this.#arc?.header(block, header)
    }
    if (!this.#o.wanted.dmarc) return
    this.#fromDomains = readAuthorDomains(block)
    this.#askAhead(this.#fromDomains[0])
  }

  /** Takes the next bytes of the body; they are not kept. */
  body(piece: Uint8Array): void {
    this.#dkim?.body(piece)
    this.#arc?.body(piece)
  }

  /** Rejects only where a check or the resolver has a defect. */
  async end(): Promise<Verdict> {
    const [iprev, spfHelo, spf, dkim, arc] = await Promise.all([
      this.iprev,
      this.spfHelo,
      this.spf,
      this.#dkim?.end(),
      this.#arc?.end(),
    ])
    const dmarc = this.#o.wanted.dmarc ? await this.#checkDmarc(spf, dkim ?? []) : undefined
    const vouchedBy =
      arc !== undefined && dmarc?.result === 'fail'
        ? vouchingSealer(arc, dmarc.authorDomain, this.#o.trustedSealers)
        : undefined
    return {
      ...(iprev && { iprev }),
      ...(spfHelo && { spfHelo }),
      ...(spf && { spf }),
      ...(dkim && { dkim }),
      ...(arc && { arc }),
      ...(dmarc && { dmarc }),
      ...(vouchedBy !== undefined && { vouchedBy }),
      ...(dmarc && this.#o.wanted.bimi && { bimi: await this.#checkBimi(dmarc, dkim ?? []) }),
    }
  }

  async #checkDmarc(spf: SpfCheck | undefined, dkim: readonly DkimCheck[]): Promise<DmarcCheck> {
    const { resolver, signal } = this.#o
    const fromDomains = this.#fromDomains
    const known = spf?.domain === undefined ? undefined : { result: spf.result, domain: spf.domain }
    try {
      return await checkDmarc({ fromDomains, spf: known, dkim, resolver, signal })
    } catch (error) {
      if (!signal.aborted) throw error
      return dmarcUnknown(fromDomains[0] ?? '', dkim)
    }
  }

  async #checkBimi(dmarc: DmarcCheck, dkim: readonly DkimCheck[]): Promise<BimiCheck> {
    const { resolver, signal, nowMs, bimi } = this.#o
    const { fetchDocument } = bimi
    const trustedRoots = bimi.trustedRoots()
    const message = { header: this.#header, dmarc, dkim }
    try {
      return await checkBimi({
        ...message,
        resolver,
        signal,
        fetchDocument,
        trustedRoots,
        now: new Date(nowMs),
      })
    } catch (error) {
      if (!signal.aborted) throw error
      return { result: 'temperror', reason: 'it took too long', authority: 'none' }
    }
  }

  /** The answer waits in the resolver's cache when the body is through. */
  #askAhead(domain: string | undefined): void {
    if (domain === undefined || domain === '') return
    const { resolver, signal } = this.#o
    resolver.resolve(`_dmarc.${domain}`, 'TXT', { signal }).catch(() => undefined)
  }
}

/** Whoever waits for it sees its failure; that nobody does yet is no reason for the process to end. */
function observed<T>(check: Promise<T>): Promise<T> {
  check.catch(() => undefined)
  return check
}

const dmarcUnknown = (authorDomain: string, dkim: readonly DkimCheck[]): DmarcCheck => ({
  result: 'temperror',
  authorDomain,
  policy: 'none',
  effectivePolicy: 'none',
  disposition: 'none',
  spf: 'none',
  dkim: dkim.map(() => 'none'),
  reason: 'the DNS did not answer in time',
})
