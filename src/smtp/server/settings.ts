/** What is found out about mail from other servers, and what it must pass to be taken. */
import { X509Certificate } from 'node:crypto'
import { normaliseDomain } from '#base/domain-name.ts'
import { boolean, duration, integer, list, oneOf, text } from '#settings/field.ts'
import { type SettingsObject, settingsObject } from '#settings/object.ts'

const checkPolicies = ['disable', 'relaxed', 'strict'] as const
type CheckPolicy = (typeof checkPolicies)[number]

/** What `strict` refuses is said by each. */
const checkPolicy = (help: string, classic: string, fallback: CheckPolicy = 'relaxed') =>
  oneOf(checkPolicies, { fallback, classic, help: `${help} relaxed: it is found out and told.` })

export const senderAuth = settingsObject({
  name: 'SenderAuth',
  title: 'Sender authentication',
  help: 'What is found out about mail from other servers, and what it must pass.',
  many: false,
  fields: {
    reverseIpVerify: checkPolicy(
      'Whether the name of the client leads back to its address. strict: mail is refused where it does not.',
      'auth.iprev.verify',
    ),
    spfEhloVerify: checkPolicy(
      'SPF of the name in EHLO. strict: mail is refused where the check fails.',
      'auth.spf.verify.ehlo',
    ),
    spfFromVerify: checkPolicy(
      'SPF of the sender in MAIL FROM. strict: mail is refused where the check fails.',
      'auth.spf.verify.mail-from',
    ),
    dkimVerify: checkPolicy(
      'DKIM signatures. strict: mail is refused without a good one.',
      'auth.dkim.verify',
    ),
    dkimStrict: boolean({
      fallback: true,
      classic: 'auth.dkim.strict',
      help: 'Signatures that leave the end of the body unsigned (l=) do not count.',
    }),
    dkimSignatures: integer({
      fallback: 10,
      min: 1,
      max: 50,
      help: 'Signatures that are looked at in one message; more are ignored.',
    }),
    arcVerify: checkPolicy(
      'The ARC chain of forwarded mail. strict: mail with a broken one is refused.',
      'auth.arc.verify',
    ),
    arcTrustedSealers: list(
      text({
        fallback: undefined,
        help: 'A domain.',
        allowed: 'a domain such as "lists.example.org"',
        normalise: normaliseDomain,
      }),
      {
        fallback: [],
        max: 1000,
        help: 'Domains of forwarders and lists that are believed: what passed DMARC there, by an unbroken ARC chain, passes here.',
      },
    ),
    dmarcVerify: oneOf([...checkPolicies, 'quarantine'], {
      fallback: 'relaxed',
      classic: 'auth.dmarc.verify',
      help: 'DMARC, with SPF of the sender and DKIM, also where these are disabled otherwise. relaxed: it only counts as a sign of spam. quarantine: what its domain wants refused or put aside goes to Junk Mail. strict: what its domain wants refused is refused.',
    }),
    bimiVerify: oneOf(['disable', 'relaxed'], {
      fallback: 'disable',
      help: 'Brand indicators (BIMI) of mail that passed DMARC. relaxed: they are fetched from the web, where their domains say, checked, and given to mail programs in the header.',
    }),
    bimiRoots: text({
      fallback: '',
      allowed: 'certificates in PEM',
      help: 'Authorities whose mark certificates are believed. Without any, a brand that names such a certificate does not pass.',
      normalise: (given) => (isCertificates(given) ? given : undefined),
    }),
    timeout: duration({
      fallback: 30_000,
      min: 1000,
      max: 300_000,
      help: 'How long a complete message waits for its checks, and MAIL for strict ones; then they count as not made.',
    }),
  },
})

const pem = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g

function isCertificates(given: string): boolean {
  try {
    markAuthorities(given)
    return given.replace(pem, '').trim() === ''
  } catch {
    return false
  }
}

/** Throws where one of them is none. */
export const markAuthorities = (given: string): readonly X509Certificate[] =>
  (given.match(pem) ?? []).map((one) => new X509Certificate(one))

export type SenderChecks = typeof senderAuth extends SettingsObject<infer F> ? Readonly<F> : never
