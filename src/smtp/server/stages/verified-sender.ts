/**
 * What the settings demand of a client and a sender before any data: a name that leads back, SPF that does not
 * fail (RFC 7208 §8.4, RFC 7372 §3). Where they demand nothing, nothing is waited for.
 */
import type { IprevCheck } from '#mailauth/iprev.ts'
import type { SpfCheck } from '#mailauth/spf.ts'
import type { Maybe } from '#base/maybe.ts'
import { type Reply, reply } from '../../reply.ts'
import type { SenderChecks } from '../settings.ts'
import type { SmtpSession } from '../smtp-command.ts'
import type { Verification } from '../verification.ts'
import type { Refusal } from './stage.ts'

const noReverseName = reply(550, '5.7.25', 'The reverse name of your address does not lead back to it')
const reverseNameUnknown = reply(451, '4.7.25', 'The reverse name of your address cannot be looked up now')
const spfError = reply(550, '5.7.24', 'The SPF record of your domain is in error')
const spfUnknown = reply(451, '4.7.24', 'SPF of your domain cannot be looked up now')

/** Undefined where the settings demand nothing. */
export function verifiedSender(
  session: SmtpSession,
  verification: Verification,
): Promise<Refusal | undefined> | undefined {
  const { checks } = session.limits
  const { reverseIpVerify, spfEhloVerify, spfFromVerify } = checks
  if (![reverseIpVerify, spfEhloVerify, spfFromVerify].includes('strict')) return undefined
  return verification.inTime(senderRefusal(checks, verification.verifier))
}

/** What was found out of a sender, or is still being: the checks that the settings make. */
interface Sender {
  readonly iprev?: Maybe<IprevCheck> | undefined
  readonly spfHelo?: Maybe<SpfCheck> | undefined
  readonly spf?: Maybe<SpfCheck> | undefined
}

/** Waits for no more than decides. */
export async function senderRefusal(checks: SenderChecks, found: Sender): Promise<Refusal | undefined> {
  const { reverseIpVerify, spfEhloVerify, spfFromVerify } = checks
  return (
    (reverseIpVerify === 'strict' ? judgeIprev((await found.iprev)!) : undefined) ??
    (spfEhloVerify === 'strict' ? judgeSpf((await found.spfHelo)!) : undefined) ??
    (spfFromVerify === 'strict' ? judgeSpf((await found.spf)!) : undefined)
  )
}

function judgeIprev({ result, reason }: IprevCheck): Refusal | undefined {
  if (result === 'pass') return undefined
  return { reply: result === 'temperror' ? reverseNameUnknown : noReverseName, reason: `iprev: ${reason}` }
}

function judgeSpf(check: SpfCheck): Refusal | undefined {
  const answer = spfReply(check)
  return answer === undefined ? undefined : { reply: answer, reason: `SPF: ${check.reason}` }
}

function spfReply({ result, domain, explanation }: SpfCheck): Reply | undefined {
  if (result === 'temperror') return spfUnknown
  if (result === 'permerror') return spfError
  if (result !== 'fail') return undefined
  // RFC 7208 §6.2: it is said whose words these are.
  const words = explanation === undefined ? '' : `; ${domain!} explains: ${explanation}`
  return reply(550, '5.7.23', `SPF does not allow your address to send for ${domain!}${words}`.slice(0, 480))
}
