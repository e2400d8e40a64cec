/**
 * SPF: is a client allowed to speak for the domain that it names in HELO or MAIL FROM (RFC 7208 §2, §4.1 to
 * §4.3)? What must hold: every question has one of the seven results, whatever clients and domains send.
 */
import { normaliseDomain } from '#base/domain-name.ts'
import { formatIp } from '#base/ip.ts'
import { printable } from './printable.ts'
import type { AuthResolver } from './resolver.ts'
import { type Facts, type NoRecord, SpfError, SpfEvaluation, type Verdict } from './spf-evaluation.ts'

type SpfResult = 'none' | 'neutral' | 'pass' | 'fail' | 'softfail' | 'temperror' | 'permerror'
type SpfIdentity = 'helo' | 'mailfrom'

export interface SpfQuestion {
  /** The client's, as `base/ip.ts` reads it: an IPv4-mapped one is 4 bytes. */
  readonly ip: Uint8Array
  readonly identity: SpfIdentity
  /** What the client said in its last HELO or EHLO. */
  readonly helo: string
  /** The reverse-path without brackets and source route, empty for the null one. Not used for `helo`. */
  readonly sender: string
  /** Our host name. */
  readonly receiver: string
  readonly nowMs: number
  readonly resolver: AuthResolver
  /** Ends the check with `temperror`; RFC 7208 §4.6.4 wants 20 seconds at least. */
  readonly signal?: AbortSignal | undefined
}

export interface SpfCheck {
  readonly result: SpfResult
  readonly identity: SpfIdentity
  /** The domain in question, normalised; undefined where the identity has none, which is `none`. */
  readonly domain: string | undefined
  /** The directive that decided, as published; undefined where none did. */
  readonly mechanism: string | undefined
  /** What the domain says of its `fail`: text of others, printable ASCII, to be shown as theirs. */
  readonly explanation: string | undefined
  /** For administrators; printable ASCII. */
  readonly reason: string
}

/** Of a mechanism and of a reason. */
const longestText = 500

export async function checkSpf(question: SpfQuestion): Promise<SpfCheck> {
  const { identity, signal } = question
  const { localPart, domain } = mailboxOf(question)
  const ended = (result: SpfResult, reason: string, rest: Partial<SpfCheck> = {}): SpfCheck => {
    const text = printable(reason, longestText)
    return { result, identity, domain, mechanism: undefined, explanation: undefined, reason: text, ...rest }
  }
  if (domain === undefined) return ended('none', noDomain(question))
  const evaluation = new SpfEvaluation(factsOf(question, localPart, domain))
  let verdict: Verdict | NoRecord
  try {
    verdict = await evaluation.checkHost(domain)
  } catch (error) {
    if (error instanceof SpfError) return ended(error.result, error.message)
    if (signal?.aborted === true) return ended('temperror', 'the DNS did not answer in time')
    throw error
  }
  if (verdict.result === 'none') return ended('none', verdict.reason)
  const ip = formatIp(question.ip)
  const { result, directive } = verdict
  if (directive === undefined)
    return ended(result, `nothing in the record of ${verdict.domain} matches ${ip}`)
  const mechanism = printable(directive.text, longestText)
  const explanation = result === 'fail' ? await explained(evaluation, verdict, signal) : undefined
  return ended(result, `${mechanism} in the record of ${verdict.domain} matches ${ip}`, {
    mechanism,
    explanation,
  })
}

/** A fail stays one where its explanation cannot be had (RFC 7208 §6.2). */
async function explained(evaluation: SpfEvaluation, verdict: Verdict, signal: AbortSignal | undefined) {
  try {
    return await evaluation.explanation(verdict)
  } catch (error) {
    if (signal?.aborted === true) return undefined
    throw error
  }
}

/** A domain that can be looked up, with two labels at least; U-labels become A-labels (RFC 8616 §4). */
function fullDomain(text: string): string | undefined {
  const domain = normaliseDomain(text)
  return domain?.includes('.') === true ? domain : undefined
}

/** RFC 7208 §2.3, §2.4: whom the identity names; postmaster where that is nobody in particular (§4.3). */
function mailboxOf({ identity, helo, sender }: SpfQuestion): {
  localPart: string
  domain: string | undefined
} {
  if (identity === 'helo' || sender === '') return { localPart: 'postmaster', domain: fullDomain(helo) }
  const at = sender.lastIndexOf('@')
  return {
    localPart: sender.slice(0, Math.max(at, 0)) || 'postmaster',
    domain: fullDomain(sender.slice(at + 1)),
  }
}

const noDomain = ({ identity, helo, sender }: SpfQuestion): string =>
  identity === 'helo' || sender === ''
    ? `the client calls itself "${helo}", which is no full domain name`
    : `the sender "${sender}" has no full domain name`

function factsOf(question: SpfQuestion, localPart: string, domain: string): Facts {
  const { ip, helo, receiver, nowMs, resolver, signal } = question
  const values = {
    s: `${localPart}@${domain}`,
    l: localPart,
    o: domain,
    // RFC 7208 §7.3: IPv6 with dots, a hexadecimal digit each.
    i: ip.length === 4 ? formatIp(ip) : Buffer.from(ip).toString('hex').split('').join('.'),
    h: fullDomain(helo) ?? helo,
    c: formatIp(ip),
    r: fullDomain(receiver) ?? 'unknown',
    t: String(Math.floor(nowMs / 1000)),
    v: ip.length === 4 ? 'in-addr' : 'ip6',
  }
  return { ip, values, resolver, signal }
}
