/** Where the server listens. Classic keys are those of `[server.listener.<id>]`. */
import { X509Certificate } from 'node:crypto'
import { boolean, duration, integer, ipNetwork, list, oneOf, socketAddress, text } from '#settings/field.ts'
import { settingsObject } from '#settings/object.ts'
import {
  type CipherSuite,
  cipherSuites,
  leavesNothing,
  type TlsPolicy,
  type TlsVersion,
  tlsVersions,
} from './tls-policy.ts'

export const networkListener = settingsObject({
  name: 'NetworkListener',
  title: 'Network listeners',
  help: 'A protocol on one or more addresses. There may be several, each with its own limits.',
  many: true,
  classic: 'server.listener',
  fields: {
    bind: list(socketAddress({ fallback: undefined, help: 'An address and a port.' }), {
      fallback: [],
      min: 1,
      required: true,
      help: 'The addresses and ports to listen on.',
    }),
    protocol: oneOf(['smtp', 'lmtp', 'imap', 'pop3', 'manageSieve', 'http'], {
      fallback: 'smtp',
      help: 'What is spoken there.',
    }),
    useTls: boolean({
      fallback: true,
      classic: 'tls.enable',
      help: 'Whether TLS is offered, from the first byte or by STARTTLS.',
    }),
    tlsImplicit: boolean({
      fallback: false,
      classic: 'tls.implicit',
      help: 'Whether connections begin with TLS, as on the ports 465, 993 and 443.',
    }),
    tlsTimeout: duration({
      fallback: 60_000,
      min: 1000,
      classic: 'tls.timeout',
      help: 'How long a TLS handshake may take.',
    }),
    overrideProxyTrustedNetworks: list(ipNetwork({ fallback: undefined, help: '' }), {
      fallback: undefined,
      classic: 'proxy.trusted-networks',
      help: 'Proxies of this listener, which then is for them alone; an empty list for none. Else those of the server.',
    }),
    tlsDisableProtocols: list(
      oneOf(tlsVersions, {
        fallback: undefined,
        help: '',
        spellings: { 'tlsv1.2': 'tls12', 'tlsv1.3': 'tls13' },
      }),
      {
        fallback: [],
        classic: 'tls.disable-protocols',
        restart: true,
        help: 'Versions of TLS that are not spoken. Older ones than TLS 1.2 never are.',
      },
    ),
    tlsDisableCipherSuites: list(oneOf(cipherSuites, { fallback: undefined, help: '' }), {
      fallback: [],
      classic: 'tls.disable-ciphers',
      help: 'Cipher suites that are not used. All others of the list are.',
    }),
    tlsIgnoreClientOrder: boolean({
      fallback: true,
      classic: 'tls.ignore-client-order',
      help: "Whether the server's order of cipher suites counts, not the client's.",
    }),
    tlsClientCertificates: oneOf(['none', 'request'], {
      fallback: 'none',
      help: 'Whether clients are asked for a certificate, which they may sign in with (EXTERNAL).',
    }),
    tlsClientAuthorities: text({
      fallback: undefined,
      help: 'The certificates, in PEM, of those who issue client certificates.',
      allowed: 'certificates in PEM',
      normalise: (pem) => (isCertificates(pem) ? pem : undefined),
    }),
    maxConnections: integer({
      fallback: 8192,
      min: 1,
      classic: 'max-connections',
      help: 'The most connections at a time.',
    }),
    maxConnectionsPerIp: integer({
      fallback: undefined,
      min: 1,
      classic: 'max-connections-per-ip',
      help: 'The most connections at a time from one IPv4 address or one IPv6 /64 network. Without it a quarter of maxConnections, but for this machine itself and proxies that tell of their clients.',
    }),
    socketBacklog: integer({
      fallback: 1024,
      min: 1,
      classic: 'socket.backlog',
      restart: true,
      help: 'How many connections may wait to be accepted.',
    }),
  },
  check: (values) => [
    ...(values.tlsClientCertificates === 'request' && values.tlsClientAuthorities === undefined
      ? [
          {
            field: 'tlsClientAuthorities',
            text: 'is missing: it says whose client certificates are trusted',
          },
        ]
      : []),
    ...(leavesNothing(policyOf(values))
      ? [{ field: 'tlsDisableProtocols', text: 'leaves no version of TLS with a cipher suite' }]
      : []),
  ],
})

/** The listener's fields as handshakes want them. */
export const policyOf = (values: {
  readonly tlsDisableProtocols: readonly TlsVersion[]
  readonly tlsDisableCipherSuites: readonly CipherSuite[]
  readonly tlsIgnoreClientOrder: boolean
  readonly tlsClientCertificates: 'none' | 'request'
  readonly tlsClientAuthorities: string | undefined
}): TlsPolicy => ({
  disabledVersions: values.tlsDisableProtocols,
  disabledSuites: values.tlsDisableCipherSuites,
  useClientOrder: !values.tlsIgnoreClientOrder,
  ...(values.tlsClientCertificates === 'request' && values.tlsClientAuthorities !== undefined
    ? { clientAuthorities: values.tlsClientAuthorities }
    : {}),
})

export function isCertificates(pem: string): boolean {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]{1,100000}-----END CERTIFICATE-----/g)
  if (blocks === null) return false
  try {
    return blocks.every((block) => new X509Certificate(block).raw.length > 0)
  } catch {
    return false
  }
}
