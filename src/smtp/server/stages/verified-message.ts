/**
 * What the settings demand of a complete message: a good signature, and what the domain in From wants done with
 * mail that it did not send (RFC 7372 §3.1, RFC 9989 §7). What it wants put aside goes to Junk Mail.
 */
import type { DmarcPolicy } from '#mailauth/dmarc-record.ts'
import type { Verdict } from '#mailauth/message-verifier.ts'
import { reply } from '../../reply.ts'
import type { SenderChecks } from '../settings.ts'
import type { Refusal } from './stage.ts'

export interface Judgement {
  /** Why it is not taken. */
  readonly refusal: Refusal | undefined
  /** What is done because of DMARC. Where it is taken all the same, it is not to stand among what people read. */
  readonly applied: DmarcPolicy
}

const noSignature = reply(550, '5.7.20', 'No passing DKIM signature found')
const signatureUnknown = reply(451, '4.7.5', 'The key of a DKIM signature cannot be looked up now')

const brokenChain = reply(550, '5.7.29', 'The ARC chain of the message is broken')

export function verifiedMessage(checks: SenderChecks, verdict: Verdict): Judgement {
  return { refusal: refusalOf(checks, verdict), applied: appliedPolicy(checks, verdict) }
}

function refusalOf(checks: SenderChecks, verdict: Verdict): Refusal | undefined {
  const { dkim, arc, dmarc } = verdict
  if (checks.dkimVerify === 'strict' && !dkim!.some(({ result }) => result === 'pass')) {
    const isUnknown = dkim!.some(({ result }) => result === 'temperror')
    return { reply: isUnknown ? signatureUnknown : noSignature, reason: 'no DKIM signature passed' }
  }
  if (checks.arcVerify === 'strict' && arc!.result === 'fail') {
    return { reply: brokenChain, reason: `ARC: ${arc!.text}` }
  }
  if (checks.dmarcVerify !== 'strict' || wanted(verdict) !== 'reject') return undefined
  const { authorDomain, reason } = dmarc!
  return {
    reply: reply(550, '5.7.1', `Refused by the DMARC policy of ${authorDomain}`),
    reason: `DMARC: ${reason}`,
  }
}

function appliedPolicy({ dmarcVerify }: SenderChecks, verdict: Verdict): DmarcPolicy {
  if (dmarcVerify === 'strict') return wanted(verdict)
  return dmarcVerify === 'quarantine' && wanted(verdict) !== 'none' ? 'quarantine' : 'none'
}

/** What the domain in From wants done; nothing where somebody vouches that it came from there. */
const wanted = ({ dmarc, vouchedBy }: Verdict): DmarcPolicy =>
  vouchedBy === undefined ? (dmarc?.disposition ?? 'none') : 'none'
