/**
 * What is found out about where a message from another server comes from, between MAIL and the end of its data.
 *
 * What must hold: look-ups begin at once and beside the session; after the last byte nobody waits for them any
 * longer than the settings say; and they end with the transaction, however it ends.
 */
import { composeAuthResults } from '#message/auth-results.ts'
import { bimiFields } from '#mailauth/bimi-fields.ts'
import { MessageVerifier, type Origin, type Verdict, type WantedChecks } from '#mailauth/message-verifier.ts'
import { composeReceivedSpf } from '#mailauth/received-spf.ts'
import { verdictResults } from '#mailauth/verdict-results.ts'
import { markAuthorities, type SenderChecks } from './settings.ts'
import type { Clock } from '#base/clock.ts'
import type { FetchDocument } from '#mailauth/bimi.ts'
import type { KnownKeys } from '#mailauth/dkim-key.ts'
import type { AuthResolver } from '#mailauth/resolver.ts'

export interface VerificationDeps {
  readonly resolver: AuthResolver
  /** DKIM keys of others that were read before. */
  readonly knownKeys: KnownKeys
  /** Gets brand indicators from the web. */
  readonly fetchDocument: FetchDocument
  readonly clock: Clock
  /** Our name in greetings and in what we add to messages. */
  readonly hostname: () => string
}

export interface VerificationOptions {
  readonly deps: VerificationDeps
  readonly checks: SenderChecks
  readonly origin: Origin
  /** Where it is not as the settings say. */
  readonly wanted?: WantedChecks
  /** Ends the look-ups before their time. */
  readonly signal?: AbortSignal
}

/** Made once: an exception of its own for every message would cost more than all else here. */
const over = new Error('the transaction is over')
const tooLate = new Error('the checks took too long')

export class Verification implements Disposable {
  readonly origin: Origin
  readonly verifier: MessageVerifier
  /** As it came: the checks hold it anyhow. */
  header: Uint8Array | undefined
  readonly #o: VerificationOptions
  readonly #controller = new AbortController()

  constructor(o: VerificationOptions) {
    const { deps, checks, origin } = o
    const { signal } = this.#controller
    this.#o = o
    this.origin = origin
    this.verifier = new MessageVerifier({
      origin,
      wanted: o.wanted ?? wantedChecks(checks),
      resolver: deps.resolver,
      receiver: deps.hostname(),
      nowMs: deps.clock.now(),
      signal: o.signal === undefined ? signal : AbortSignal.any([signal, o.signal]),
      known: deps.knownKeys,
      trustedSealers:
        checks.arcVerify === 'disable'
          ? []
          : checks.arcTrustedSealers.filter((domain) => domain !== undefined),
      bimi: {
        fetchDocument: deps.fetchDocument,
        trustedRoots: () => markAuthorities(checks.bimiRoots),
      },
      dkim: { maxSignatures: checks.dkimSignatures, strict: checks.dkimStrict },
    })
  }

  /** After the header and the body. */
  verdict(): Promise<Verdict> {
    return this.inTime(this.verifier.end())
  }

  /** Waits for what is being found out; what is not known when the time is over counts as not found out. */
  async inTime<T>(found: Promise<T>): Promise<T> {
    const timer = setTimeout(() => this.#controller.abort(tooLate), this.#o.checks.timeout)
    try {
      return await found
    } finally {
      clearTimeout(timer)
    }
  }

  /** The fields that tell of it, each ended with CRLF. */
  fields(verdict: Verdict, o: { authResults: boolean; receivedSpf: boolean; utf8: boolean }): string {
    const { origin } = this
    const authservId = this.#o.deps.hostname()
    const results = verdictResults(verdict, origin)
    const spf = verdict.spf ?? verdict.spfHelo
    const told = o.authResults ? composeAuthResults({ authservId, results }, { utf8: o.utf8 }) : ''
    const brand = verdict.bimi === undefined ? '' : Buffer.concat(bimiFields(verdict.bimi)).toString('latin1')
    return o.receivedSpf && spf !== undefined
      ? brand + told + composeReceivedSpf(spf, { ...origin, receiver: authservId })
      : brand + told
  }

  [Symbol.dispose](): void {
    this.#controller.abort(over)
  }
}

/** DMARC is what SPF and DKIM say of the author: without them it would fail what is right. */
export const wantedChecks = (checks: SenderChecks): WantedChecks => ({
  iprev: checks.reverseIpVerify !== 'disable',
  spfHelo: checks.spfEhloVerify !== 'disable',
  spf: checks.spfFromVerify !== 'disable' || checks.dmarcVerify !== 'disable',
  dkim: checks.dkimVerify !== 'disable' || checks.dmarcVerify !== 'disable',
  arc: checks.arcVerify !== 'disable',
  dmarc: checks.dmarcVerify !== 'disable',
  bimi: checks.bimiVerify !== 'disable' && checks.dmarcVerify !== 'disable',
})
