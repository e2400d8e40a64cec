/** What was found out about a message, for the log and the counters. */
import type { DkimCheck } from '#mailauth/dkim-check.ts'
import type { Verdict } from '#mailauth/message-verifier.ts'
import {
  arcFail,
  arcPass,
  dkimFail,
  dkimPass,
  dmarcFail,
  dmarcPass,
  iprevFail,
  iprevPass,
  messageChecked,
  spfEhloFail,
  spfEhloPass,
  spfFromFail,
  spfFromPass,
} from '../events.ts'
import type { SmtpSession } from './smtp-command.ts'

export function tellVerdict(
  session: SmtpSession,
  { iprev, spfHelo, spf, dkim, arc, dmarc, bimi }: Verdict,
): void {
  const id = session.messageId
  session.emit(messageChecked, {
    id,
    iprev: iprev?.result,
    spfEhlo: spfHelo?.result,
    spfFrom: spf?.result,
    dkim: dkim && (dkim.length === 0 ? ['none'] : dkim.map(shown)),
    arc: arc?.result,
    bimi: bimi?.result,
    dmarc: dmarc && (dmarc.authorDomain === '' ? dmarc.result : `${dmarc.result} ${dmarc.authorDomain}`),
  })
  const counted = [
    [iprev, iprevPass, iprevFail],
    [spfHelo, spfEhloPass, spfEhloFail],
    [spf, spfFromPass, spfFromFail],
    [dmarc, dmarcPass, dmarcFail],
  ] as const
  for (const [check, pass, fail] of counted) {
    if (check?.result === 'pass') session.emit(pass, { id, reason: check.reason })
    if (check?.result === 'fail') session.emit(fail, { id, reason: check.reason })
  }
  if (arc?.result === 'pass') session.emit(arcPass, { id, reason: 'the chain is good' })
  if (arc?.result === 'fail') session.emit(arcFail, { id, reason: arc.text })
  for (const { result, domain, text: reason } of dkim ?? []) {
    if (result === 'pass') session.emit(dkimPass, { id, domain, reason })
    if (result === 'fail') session.emit(dkimFail, { id, domain, reason })
  }
}

const shown = ({ result, domain }: DkimCheck): string => (domain === '' ? result : `${result} ${domain}`)
