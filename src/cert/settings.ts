/** Certificates and DKIM keys that administrators bring, and certificates that are to be fetched. */
import { dkimAlgorithms } from '#account/dkim-tables.ts'
import { ownDomain } from '#account/objects/fields.ts'
import { normaliseDomain } from '#base/domain-name.ts'
import { longestPolicyAgeSeconds, type MtaStsPolicy } from '#mailauth/mta-sts.ts'
import { boolean, dateTime, duration, integer, list, oneOf, secret, text } from '#settings/field.ts'
import { type Settings, settingsObject } from '#settings/object.ts'
import { algorithmSpellings, selectorField, signingFields } from './dkim-fields.ts'
import { readDkimKey } from './dkim-key-pair.ts'
import { certificateFacts, checkPair } from './inspect.ts'

export const certificate = settingsObject({
  name: 'Certificate',
  title: 'Certificates',
  help: 'A certificate with its key. Clients get the one that has the name they ask for.',
  many: true,
  classic: 'certificate',
  fields: {
    certificate: text({
      fallback: '',
      required: true,
      classic: 'cert',
      allowed: 'certificates in PEM, that of the server first',
      help: 'The certificate in PEM, followed by those of its issuers.',
    }),
    privateKey: secret({
      fallback: undefined,
      required: true,
      classic: 'private-key',
      help: 'Its private key in PEM, without a passphrase.',
    }),
    default: boolean({
      fallback: false,
      help: 'Whether clients get it that ask for no name, or for one of no certificate.',
    }),
  },
  check: ({ certificate: pem, privateKey }) => checkPair(pem, privateKey?.reveal() ?? ''),
  facts: {
    fields: {
      issuer: text({ fallback: '', settable: 'never', help: 'Who issued it.' }),
      notValidBefore: dateTime({
        fallback: undefined,
        settable: 'never',
        help: 'When it begins to be valid.',
      }),
      notValidAfter: dateTime({ fallback: undefined, settable: 'never', help: 'When it ends to be valid.' }),
      subjectAlternativeNames: list(text({ fallback: undefined, help: '' }), {
        fallback: [],
        settable: 'never',
        help: 'The names that it is for.',
      }),
    },
    of({ certificate: pem }) {
      const facts = certificateFacts(pem)
      return {
        issuer: facts?.issuer ?? '',
        notValidBefore: facts && new Date(facts.notValidBeforeMs).toISOString(),
        notValidAfter: facts && new Date(facts.notValidAfterMs).toISOString(),
        subjectAlternativeNames: facts?.subjectAlternativeNames ?? [],
      }
    },
  },
})

const isHttps = (url: string): string | undefined =>
  URL.canParse(url) && new URL(url).protocol === 'https:' ? url : undefined

const acmeProvider = settingsObject({
  name: 'AcmeProvider',
  title: 'Certificates by ACME',
  help: 'An authority that issues certificates by itself, such as Let’s Encrypt.',
  many: true,
  classic: 'acme',
  notYet:
    'certificates by ACME are not there yet: this is kept and has no effect. Give the files in [certificate.<id>].',
  fields: {
    directory: text({
      fallback: 'https://acme-v02.api.letsencrypt.org/directory',
      allowed: 'an https URL',
      normalise: isHttps,
      help: 'The directory of the authority.',
    }),
    challengeType: oneOf(['TlsAlpn01', 'Http01', 'Dns01', 'DnsPersist01'], {
      fallback: 'TlsAlpn01',
      classic: 'challenge',
      spellings: { 'tls-alpn-01': 'TlsAlpn01', 'http-01': 'Http01', 'dns-01': 'Dns01' },
      help: 'How the authority convinces itself that a name is ours.',
    }),
    contact: list(text({ fallback: undefined, help: '' }), {
      fallback: [],
      help: 'Whom the authority writes to.',
    }),
    domains: list(text({ fallback: undefined, help: '' }), {
      fallback: [],
      help: 'The names that the certificate is for.',
    }),
    renewBefore: oneOf(['R12', 'R23', 'R34', 'R45'], {
      fallback: 'R23',
      help: 'The part of the validity after which a certificate is renewed: one half, two thirds and so on.',
    }),
    eabKeyId: text({
      fallback: undefined,
      classic: 'eab.kid',
      help: 'The account with the authority, where it demands one.',
    }),
    eabHmacKey: secret({
      fallback: undefined,
      classic: 'eab.hmac-key',
      help: 'The key of that account.',
    }),
    maxRetries: integer({ fallback: 10, min: 0, help: 'Attempts before an order is given up.' }),
  },
})

export const dkimSignature = settingsObject({
  name: 'DkimSignature',
  title: 'DKIM keys',
  help: 'A key that mail of a domain is signed with, beside those that the server makes. It signs from the start: publish its record before.',
  many: true,
  classic: 'signature',
  early: true,
  hasOwnHandler: true,
  fields: {
    domain: ownDomain({
      fallback: '',
      required: true,
      help: 'The domain whose mail it signs.',
    }),
    selector: selectorField({
      fallback: '',
      required: true,
      help: 'What tells the keys of a domain apart.',
    }),
    privateKey: secret({
      fallback: undefined,
      required: true,
      classic: 'private-key',
      help: 'The private key in PEM, without a passphrase.',
    }),
    algorithm: oneOf(dkimAlgorithms, {
      fallback: undefined,
      spellings: algorithmSpellings,
      help: 'How it signs, which the key says itself.',
    }),
    ...signingFields,
  },
  check({ privateKey, algorithm }) {
    const read = readDkimKey(privateKey?.reveal() ?? '')
    if (typeof read === 'string') return [{ field: 'privateKey', text: read }]
    if (algorithm === undefined || algorithm === read.algorithm) return []
    return [{ field: 'algorithm', text: `must be ${read.algorithm}, as the key is` }]
  },
})

const serverName = text({
  fallback: undefined,
  help: 'A server.',
  allowed: 'a host name such as "mail.example.org" or "*.example.org"',
  normalise: (given) => {
    const star = given.startsWith('*.') ? '*.' : ''
    const name = normaliseDomain(given.slice(star.length))
    return name && star + name
  },
})

const mtaSts = settingsObject({
  name: 'MtaSts',
  title: 'MTA-STS',
  help: 'What servers that bring mail of the domains here are told to demand of this one (RFC 8461).',
  many: false,
  fields: {
    mode: oneOf(['testing', 'enforce', 'none'], {
      fallback: 'testing',
      classic: 'session.mta-sts.mode',
      help: 'testing: whoever comes without good TLS reports it and brings the mail all the same. enforce: it is not brought. none: there is no policy any more.',
    }),
    maxAge: duration({
      fallback: 7 * 86_400_000,
      min: 1000,
      max: longestPolicyAgeSeconds * 1000,
      classic: 'session.mta-sts.max-age',
      help: 'How long others remember it.',
    }),
    mxHosts: list(serverName, {
      fallback: [],
      max: 50,
      classic: 'session.mta-sts.mx',
      help: 'The servers that mail goes to, by the names in MX records; by default this one.',
    }),
  },
})

export const mtaStsPolicy = (settings: Pick<Settings, 'get'>, hostname: string): MtaStsPolicy => {
  const { mode, maxAge, mxHosts } = settings.get(mtaSts)
  const named = mxHosts.filter((name) => name !== undefined)
  return { mode, mx: named.length === 0 ? [hostname] : named, maxAgeSeconds: Math.floor(maxAge / 1000) }
}

export const certSettings = [certificate, acmeProvider, dkimSignature, mtaSts] as const
