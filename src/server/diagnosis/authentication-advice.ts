/** What to do about a result of SPF, DKIM or DMARC that is not good, for whoever runs a server that sends. */
import { keyName } from '#mailauth/dkim-key-lookup.ts'
import type { DkimCheck, DkimReason } from '#mailauth/dkim-check.ts'
import type { DmarcCheck } from '#mailauth/dmarc.ts'
import type { IprevCheck } from '#mailauth/iprev.ts'
import type { Verdict } from '#mailauth/message-verifier.ts'
import type { SpfCheck } from '#mailauth/spf.ts'

const later = 'The DNS did not answer: try it again; if it stays so, look at the name servers of that domain.'

export function iprevAdvice({ result, names }: IprevCheck, ip: string): string | undefined {
  if (result === 'temperror') return later
  if (result === 'permerror')
    return `Ask whoever provides ${ip} to give it a name (PTR), and the name this address.`
  if (result === 'fail')
    return `Give ${names[0]} an address record with ${ip}, or have the name (PTR) of ${ip} changed.`
  return undefined
}

export function spfAdvice({ result, domain, identity }: SpfCheck, ip: string): string | undefined {
  if (domain === undefined) return undefined
  const mechanism = `ip${ip.includes(':') ? 6 : 4}:${ip}`
  switch (result) {
    case 'pass':
      return undefined
    case 'none':
      // Few have one for the name of a server, and little depends on it.
      return identity === 'helo'
        ? undefined
        : `Have a record, if ${ip} may send for it: ${domain}. TXT "v=spf1 ${mechanism} -all"`
    case 'temperror':
      return later
    case 'permerror':
      return `Correct the SPF record of ${domain}: as long as it is in error, it helps nobody.`
    case 'fail':
    case 'softfail':
    case 'neutral':
      return `SPF does not list ${ip}. If it may send for ${domain}, add ${mechanism} to the record.`
  }
}

const changedOnTheWay =
  'A list, a filter or a virus scanner does so: sign behind it, or have it change nothing.'

/** `at` is the name of the record. */
const dkimAdvices: Readonly<Partial<Record<DkimReason, (at: string) => string>>> = {
  signature: (at) =>
    `A field of the header that is signed was changed on the way, or the record at ${at} has the key of another.`,
  bodyHash: () => changedOnTheWay,
  historicAlgorithm: () => 'Sign with rsa-sha256, and with ed25519-sha256 besides.',
  fromNotSigned: () => 'Sign the From field (h=).',
  expired: () => 'It was long under way, or clocks are wrong: look at both, and at x= of the signer.',
  signedInFuture: () => 'Look at the clock of the signer, and at the one of this server.',
  partialBody: () =>
    'Sign all of the body, without l=; SenderAuth.dkimStrict decides whether that counts here.',
  tooMany: () => 'SenderAuth.dkimSignatures says how many are looked at.',
  keyMissing: (at) =>
    `Publish the key as a TXT record at ${at}. Keys stay there for days after the last signature.`,
  keyUnavailable: () => later,
  keyRevoked: (at) => `The record at ${at} says that the key is not used any more: sign with another one.`,
  keyTooShort: () => 'Sign with a key of 2048 bits.',
  keyTooLong: () => 'Sign with a key of 2048 bits.',
}

export function dkimAdvice(check: DkimCheck, o: { readonly headerOnly: boolean }): string | undefined {
  const { result, reason, domain, selector } = check
  if (result === 'pass') return undefined
  if (reason === 'bodyHash' && o.headerOnly)
    return 'Only the header was given, and the signature is over the body too: give the whole message.'
  const at = keyName(selector, domain) ?? `${selector}._domainkey.${domain}`
  const known = dkimAdvices[reason]
  if (known !== undefined) return known(at)
  return reason.startsWith('key')
    ? `Correct the record at ${at}.`
    : 'Correct what signs the mail of that domain.'
}

export function dmarcAdvice(check: DmarcCheck, verdict: Verdict): string | undefined {
  const { result, authorDomain, policyDomain } = check
  switch (result) {
    case 'pass':
      return undefined
    case 'temperror':
      return later
    case 'none':
      return `Have a record: _dmarc.${authorDomain}. TXT "v=DMARC1; p=none; rua=mailto:postmaster@${authorDomain}", and a stricter policy once the reports show no mail of your own that fails.`
    case 'permerror':
      return policyDomain === undefined
        ? 'Have one From field, with addresses of one domain.'
        : `Correct the record at _dmarc.${policyDomain}.`
    case 'fail':
      return alignmentAdvice(check, verdict)
  }
}

/** Either something passed for another domain, or nothing did. */
function alignmentAdvice({ authorDomain, record }: DmarcCheck, { spf, dkim = [] }: Verdict): string {
  const signer = dkim.find((one) => one.result === 'pass')?.domain
  const ways = [
    ...(signer === undefined
      ? []
      : [
          `have it signed with d=${authorDomain}, not only with d=${signer}${strictly('adkim', record?.dkimAlignment)}`,
        ]),
    ...(spf?.result === 'pass'
      ? [
          `send with an address of ${authorDomain} in MAIL FROM, not of ${spf.domain}${strictly('aspf', record?.spfAlignment)}`,
        ]
      : []),
  ]
  if (ways.length === 0)
    return `Make SPF pass, or better have it signed with d=${authorDomain}: what keeps them from it is said above.`
  const all = ways.join(', or ')
  return `${all[0]!.toUpperCase()}${all.slice(1)}.`
}

const strictly = (tag: string, mode: 'strict' | 'relaxed' | undefined): string =>
  mode === 'strict' ? ` (the record wants the very domain, ${tag}=s)` : ''
