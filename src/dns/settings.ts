/** Whom the server asks for names, and how. */
import { normaliseDomain } from '#base/domain-name.ts'
import { normaliseIp } from '#base/ip.ts'
import { isCertificates } from '#net/settings.ts'
import { boolean, duration, integer, list, oneOf, record, size, text } from '#settings/field.ts'
import { settingsObject } from '#settings/object.ts'

const server = {
  address: text({
    fallback: '127.0.0.1',
    help: 'The IP address of the server.',
    allowed: 'an IP address',
    normalise: normaliseIp,
  }),
  port: integer({
    fallback: undefined,
    min: 1,
    max: 65_535,
    help: 'Its port, where it is not that of the protocol: 53, 853 for tls, 443 for https.',
  }),
  protocol: oneOf(['udp', 'tcp', 'tls', 'https'], {
    fallback: 'udp',
    help: 'How it is asked: udp (with TCP for what is long), tcp, tls (RFC 7858) or https (RFC 8484).',
  }),
  tlsName: text({
    fallback: undefined,
    help: 'The name in its certificate. Without it the certificate must be for the address.',
    allowed: 'a host name such as "dns.example.org"',
    normalise: normaliseDomain,
  }),
  tlsAuthorities: text({
    fallback: undefined,
    help: 'The certificates, in PEM, of who may issue its certificate, where it is not a public authority.',
    allowed: 'certificates in PEM',
    normalise: (pem) => (isCertificates(pem) ? pem : undefined),
  }),
  path: text({
    fallback: '/dns-query',
    help: 'The path of its URL, for https.',
    allowed: 'a path such as "/dns-query"',
    normalise: (given) => (/^\/[\x21-\x7e]{0,255}$/.test(given) ? given : undefined),
  }),
  trusted: boolean({
    fallback: false,
    help: 'Whether it validates DNSSEC and the way to it is safe, so that its word about that is taken. DANE needs such servers.',
  }),
}

const day = 86_400_000

export const dnsResolver = settingsObject({
  name: 'DnsResolver',
  title: 'DNS resolver',
  help: 'The name servers that this server asks. None but recursive ones can be used.',
  many: false,
  fields: {
    type: oneOf(['system', 'cloudflare', 'quad9', 'google', 'custom'], {
      fallback: 'system',
      help: 'The servers of the system (/etc/resolv.conf), those of a public service, or those given here.',
      classic: 'resolver.type',
    }),
    useTls: boolean({
      fallback: true,
      help: 'Whether public services are asked over TLS. Only then are they trusted to have validated DNSSEC.',
    }),
    servers: list(record(server, { fallback: undefined, help: 'A name server.' }), {
      fallback: [],
      max: 16,
      help: 'The name servers for the type custom, in the order in which they are preferred. Without any, those of the system are asked.',
    }),
    attempts: integer({
      fallback: 3,
      min: 1,
      max: 10,
      help: 'How often each server is asked, if it does not answer.',
      classic: 'resolver.attempts',
    }),
    timeout: duration({
      fallback: 2000,
      min: 10,
      max: 60_000,
      help: 'How long an answer of one server is waited for.',
      classic: 'resolver.timeout',
    }),
    deadline: duration({
      fallback: 20_000,
      min: 10,
      max: 120_000,
      help: 'How long one question may take in all.',
    }),
    concurrency: integer({
      fallback: 2,
      min: 1,
      max: 8,
      help: 'How many servers are asked at once, where the first is slow.',
      classic: 'resolver.concurrency',
    }),
    enableEdns: boolean({
      fallback: true,
      help: 'Whether larger answers over UDP are asked for (EDNS, RFC 6891).',
      classic: 'resolver.edns',
    }),
    tcpOnError: boolean({
      fallback: true,
      help: 'Whether the last attempt is made over TCP where UDP failed.',
      classic: 'resolver.try-tcp-on-error',
    }),
    cacheSize: size({
      fallback: 16 << 20,
      max: 1 << 30,
      help: 'Memory for answers, per worker. 0 keeps none.',
    }),
    minTtl: duration({
      fallback: 0,
      max: day,
      help: 'How long an answer is kept at least, whatever it says itself.',
    }),
    maxTtl: duration({ fallback: day, max: 30 * day, help: 'How long an answer is kept at most.' }),
    maxNegativeTtl: duration({
      fallback: 3_600_000,
      max: day,
      help: 'How long it is remembered at most that there is no such name or record.',
    }),
  },
})
