/** A verdict in the words of Authentication-Results (RFC 8601 §2.7, RFC 6008, RFC 9989 §10). */
import { formatIp } from '#base/ip.ts'
import type { MethodResult, PropertyValue } from '#message/auth-results.ts'
import { arcResult } from './arc-verify.ts'
import { bimiResult } from './bimi-fields.ts'
import type { DkimCheck } from './dkim-check.ts'
import type { DmarcCheck } from './dmarc.ts'
import type { Origin, Verdict } from './message-verifier.ts'
import { noAnswer } from './received-spf.ts'
import type { SpfCheck } from './spf.ts'

/** In the order in which they were found out. */
export function verdictResults(verdict: Verdict, origin: Origin): readonly MethodResult[] {
  const { iprev, spfHelo, spf, dkim, arc, dmarc, vouchedBy, bimi } = verdict
  return [
    ...(iprev === undefined
      ? []
      : [
          {
            method: 'iprev',
            result: iprev.result,
            ...reasonOf(iprev.result, iprev.reason),
            properties: [{ ptype: 'policy', property: 'iprev', value: formatIp(origin.ip) }],
          },
        ]),
    ...(spfHelo === undefined ? [] : [spfResult(spfHelo, 'helo', origin.helo)]),
    ...(spf === undefined ? [] : [spfResult(spf, ...spfIdentity(origin))]),
    ...(dkim === undefined ? [] : dkimResults(dkim)),
    ...(arc === undefined ? [] : [arcResult(arc, formatIp(origin.ip))]),
    ...(dmarc === undefined ? [] : [dmarcResult(dmarc, vouchedBy)]),
    ...(bimi === undefined ? [] : [bimiResult(bimi)]),
  ]
}

/**
 * What passed or is not there needs no words. Which name server did not answer is for the log: headers travel.
 */
function reasonOf(result: string, reason: string): { reason?: string } {
  if (result === 'pass' || result === 'none') return {}
  return { reason: result === 'temperror' ? noAnswer : reason }
}

/** RFC 7208 §2.4: a null reverse-path stands for the postmaster of the client. */
const spfIdentity = ({ sender, helo }: Origin): readonly ['mailfrom' | 'helo', string] =>
  sender === '' ? ['mailfrom', `postmaster@${helo}`] : ['mailfrom', sender]

const spfResult = (
  { result, reason }: SpfCheck,
  property: 'mailfrom' | 'helo',
  value: string,
): MethodResult => ({
  method: 'spf',
  result,
  ...reasonOf(result, reason),
  properties: [{ ptype: 'smtp', property, value }],
})

const noSignature: MethodResult = { method: 'dkim', result: 'none', properties: [] }

const dkimResults = (checks: readonly DkimCheck[]): readonly MethodResult[] =>
  checks.length === 0 ? [noSignature] : checks.map(dkimResult)

function dkimResult({ result, text, ...claims }: DkimCheck): MethodResult {
  const said: readonly (readonly [property: string, value: string])[] = [
    ['d', claims.domain],
    ['s', claims.selector],
    ['a', claims.algorithm],
    ['b', claims.signatureStart],
  ]
  const properties: PropertyValue[] = said
    .filter(([, value]) => value !== '')
    .map(([property, value]) => ({ ptype: 'header', property, value }))
  return { method: 'dkim', result, ...reasonOf(result, text), properties }
}

function dmarcResult(check: DmarcCheck, vouchedBy: string | undefined): MethodResult {
  const { result, reason, authorDomain, effectivePolicy, record } = check
  const words = vouchedBy === undefined ? reason : `${reason}; it passed at ${vouchedBy}, which is trusted`
  return {
    method: 'dmarc',
    result,
    ...reasonOf(result, words),
    properties: [
      ...(authorDomain === '' ? [] : [{ ptype: 'header', property: 'from', value: authorDomain }]),
      ...(record === undefined ? [] : [{ ptype: 'policy', property: 'dmarc', value: effectivePolicy }]),
    ],
  }
}
