/**
 * The checks of where a message comes from, made for an administrator who wonders: all of them, whatever the
 * settings say, and what the settings would do with the message. The judgement is that of the SMTP server.
 */
import type { AuthenticationTest, ToldOutcome, TroubleshootDmarcOptions } from '#admin/troubleshoot-dmarc.ts'
import type { Clock } from '#base/clock.ts'
import { formatIp, parseIp } from '#base/ip.ts'
import { Lru } from '#base/lru.ts'
import type { ArcCheck } from '#mailauth/arc-verify.ts'
import type { DkimCheck } from '#mailauth/dkim-check.ts'
import { DmarcRecords, findOrganizationalDomain } from '#mailauth/dmarc-tree-walk.ts'
import type { DmarcCheck } from '#mailauth/dmarc.ts'
import type { Verdict } from '#mailauth/message-verifier.ts'
import type { AuthResolver } from '#mailauth/resolver.ts'
import { isSpfRecord } from '#mailauth/spf-record.ts'
import type { SpfCheck } from '#mailauth/spf.ts'
import { FieldScanner } from '#message/headers.ts'
import type { Settings } from '#settings/object.ts'
import { replyText } from '#smtp/reply.ts'
import { senderAuth, type SenderChecks } from '#smtp/server/settings.ts'
import type { Refusal } from '#smtp/server/stages/stage.ts'
import { verifiedMessage } from '#smtp/server/stages/verified-message.ts'
import { senderRefusal } from '#smtp/server/stages/verified-sender.ts'
import { Verification } from '#smtp/server/verification.ts'
import { dkimAdvice, dmarcAdvice, iprevAdvice, spfAdvice } from './authentication-advice.ts'

export interface AuthenticationTesterDeps {
  readonly settings: Settings
  readonly resolver: AuthResolver
  readonly clock: Clock
  readonly hostname: () => string
}

const everything = { iprev: true, spfHelo: true, spf: true, dkim: true, arc: true, dmarc: true, bimi: false }
/** Brand indicators are not asked for: they say nothing about where mail comes from. */
const nothing = async (): Promise<undefined> => undefined

/** More than a message has. */
const mostKeys = 200

export function authenticationTester(
  deps: AuthenticationTesterDeps,
): TroubleshootDmarcOptions['testAuthentication'] {
  return async (question, { signal }) => {
    const checks = deps.settings.get(senderAuth)
    const ip = parseIp(question.remoteIp)!
    const { ehloDomain: helo, mailFrom: sender } = question
    using verification = new Verification({
      deps: { ...deps, knownKeys: new Lru(mostKeys), fetchDocument: nothing },
      checks,
      origin: { ip, helo, sender },
      wanted: everything,
      signal,
    })
    const author = sender === '' ? `postmaster@${helo}` : sender
    const { header, body } = partsOf(question.message ?? Buffer.from(`From: <${author}>\r\n`))
    verification.verifier.header(header)
    verification.verifier.body(body)
    const verdict = await verification.verdict()
    const look = lookAfter(deps.resolver, AbortSignal.any([signal, AbortSignal.timeout(checks.timeout)]))
    const headerOnly = body.length === 0
    return {
      message: question.message === undefined ? 'none' : headerOnly ? 'headerOnly' : 'whole',
      ...(await told(verdict as Required<Verdict>, { ip: formatIp(ip), headerOnly, look })),
      outcome: await outcomeOf(checks, verdict),
    }
  }
}

/** Lines that end with LF alone are taken for such that were saved so. */
function partsOf(message: Uint8Array): { readonly header: Buffer; readonly body: Buffer } {
  const bytes = Buffer.from(Buffer.from(message).toString('latin1').replaceAll(/\r?\n/g, '\r\n'), 'latin1')
  const scanner = new FieldScanner(bytes)
  while (scanner.next());
  return { header: bytes.subarray(0, scanner.headerEnd), body: bytes.subarray(scanner.headerEnd) }
}

/** What is told besides what was found out; undefined where the DNS does not answer now. */
interface Look {
  spfRecord(domain: string): Promise<string | undefined>
  organizationalDomain(domain: string): Promise<string | undefined>
}

function lookAfter(resolver: AuthResolver, signal: AbortSignal): Look {
  const inTime = async <T>(asked: Promise<T>): Promise<T | undefined> => {
    try {
      return await asked
    } catch (error) {
      if (!signal.aborted) throw error
      return undefined
    }
  }
  return {
    async spfRecord(domain) {
      const found = await inTime(resolver.resolve(domain, 'TXT', { signal }))
      if (found?.kind !== 'answer') return undefined
      const texts = found.records.map(({ strings }) => Buffer.concat(strings).toString('latin1'))
      return texts.find(isSpfRecord)
    },
    async organizationalDomain(domain) {
      const found = await inTime(findOrganizationalDomain(domain, new DmarcRecords(resolver, signal)))
      return found?.kind === 'found' ? found.domain : undefined
    },
  }
}

interface Circumstances {
  readonly ip: string
  readonly headerOnly: boolean
  readonly look: Look
}

async function told(
  verdict: Required<Verdict>,
  { ip, headerOnly, look }: Circumstances,
): Promise<Omit<AuthenticationTest, 'message' | 'outcome'>> {
  const { iprev, spfHelo, spf, dkim, arc, dmarc } = verdict
  return {
    iprev: {
      result: iprev.result,
      reason: iprev.reason,
      ...advised(iprevAdvice(iprev, ip)),
      names: iprev.names,
    },
    spfEhlo: await toldSpf(spfHelo, ip, look),
    spfMailFrom: await toldSpf(spf, ip, look),
    dkim: dkim.map((check) => toldDkim(check, headerOnly)),
    arc: toldArc(arc),
    dmarc: await toldDmarc(dmarc, verdict, look),
  }
}

const advised = (advice: string | undefined): { advice?: string } => (advice === undefined ? {} : { advice })

async function toldSpf(check: SpfCheck, ip: string, look: Look): Promise<AuthenticationTest['spfEhlo']> {
  const { result, domain, explanation } = check
  const record = domain === undefined ? undefined : await look.spfRecord(domain)
  return {
    result,
    reason: explanation === undefined ? check.reason : `${check.reason}; the domain says: ${explanation}`,
    ...advised(spfAdvice(check, ip)),
    ...(domain !== undefined && { domain }),
    ...(record !== undefined && { record }),
  }
}

function toldDkim(check: DkimCheck, headerOnly: boolean): AuthenticationTest['dkim'][number] {
  const { domain, selector, algorithm, keyBits, isTesting: testing, result, text: reason } = check
  const key = keyBits === undefined ? {} : { keyBits }
  const advice = advised(dkimAdvice(check, { headerOnly }))
  return { domain, selector, algorithm, ...key, testing, result, reason, ...advice }
}

function toldArc(check: ArcCheck): AuthenticationTest['arc'] {
  const { result } = check
  if (result === 'none') return { result, reason: 'nobody on the way has sealed it', sealers: [] }
  if (result === 'fail')
    return {
      result,
      reason: check.text,
      advice: 'What forwarders vouch for does not count then: whoever sealed last has to look at it.',
      sealers: [],
    }
  const sealers = check.sets.map(({ domain, selector }) => ({ domain, selector }))
  const by = sealers.map(({ domain }) => domain).join(', ')
  return { result, reason: `all seals hold, of ${by}`, sealers }
}

async function toldDmarc(
  check: DmarcCheck,
  verdict: Verdict,
  look: Look,
): Promise<AuthenticationTest['dmarc']> {
  const { result, authorDomain: domain, policyDomain, record, policy, disposition } = check
  const organizationalDomain = domain === '' ? undefined : await look.organizationalDomain(domain)
  return {
    result,
    reason: check.reason,
    ...advised(dmarcAdvice(check, verdict)),
    domain,
    ...(organizationalDomain !== undefined && { organizationalDomain }),
    ...(policyDomain !== undefined && { policyDomain }),
    ...(record !== undefined && { record: record.text }),
    problems: record?.problems ?? [],
    policy,
    disposition,
    spfAlignment: check.spf,
    dkimAlignments: check.dkim,
  }
}

async function outcomeOf(checks: SenderChecks, verdict: Verdict): Promise<ToldOutcome> {
  const early = await senderRefusal(checks, verdict)
  if (early !== undefined) return refused('MAIL', early)
  const { refusal, applied } = verifiedMessage(checks, verdict)
  if (refusal !== undefined) return refused('DATA', refusal)
  const { dmarc, vouchedBy } = verdict
  const reason = `DMARC: ${dmarc!.reason}`
  if (applied !== 'none') return { action: 'junk', reason }
  if (vouchedBy !== undefined)
    return { action: 'accept', reason: `${reason}; but it passed at ${vouchedBy}, which is trusted` }
  const wish = dmarc!.disposition
  return {
    action: 'accept',
    reason:
      wish === 'none'
        ? 'nothing that SenderAuth demands is missing'
        : `${reason}; ${dmarc!.policyDomain} wants it ${wishes[wish]}, but SenderAuth.dmarcVerify is "${checks.dmarcVerify}"`,
  }
}

const refused = (after: 'MAIL' | 'DATA', { reply, reason }: Refusal): ToldOutcome => ({
  action: 'refuse',
  after,
  reply: replyText(reply),
  reason,
})

const wishes = { quarantine: 'put aside', reject: 'refused' } as const
