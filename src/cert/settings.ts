/** Certificates that administrators bring, and those that are to be fetched. */
import { boolean, dateTime, integer, list, oneOf, secret, text } from '#settings/field.ts'
import { settingsObject } from '#settings/object.ts'
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

export const certSettings = [certificate, acmeProvider] as const
