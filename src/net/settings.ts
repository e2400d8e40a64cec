/** Where the server listens. Classic keys are those of `[server.listener.<id>]`. */
import { X509Certificate } from 'node:crypto'
import { boolean, duration, integer, list, oneOf, socketAddress, text } from '#settings/field.ts'
import { settingsObject } from '#settings/object.ts'
import { cipherSuites, tlsVersions } from './tls-policy.ts'

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
      restart: true,
      help: 'The addresses and ports to listen on.',
    }),
    protocol: oneOf(['smtp', 'lmtp', 'imap', 'pop3', 'manageSieve', 'http'], {
      fallback: 'smtp',
      restart: true,
      help: 'What is spoken there.',
    }),
    useTls: boolean({
      fallback: true,
      classic: 'tls.enable',
      restart: true,
      help: 'Whether TLS is offered, from the first byte or by STARTTLS.',
    }),
    tlsImplicit: boolean({
      fallback: false,
      classic: 'tls.implicit',
      restart: true,
      help: 'Whether connections begin with TLS, as on the ports 465, 993 and 443.',
    }),
    tlsTimeout: duration({
      fallback: 60_000,
      min: 1000,
      classic: 'tls.timeout',
      restart: true,
      help: 'How long a TLS handshake may take.',
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
      restart: true,
      help: 'Cipher suites that are not used. All others of the list are.',
    }),
    tlsIgnoreClientOrder: boolean({
      fallback: true,
      classic: 'tls.ignore-client-order',
      restart: true,
      help: "Whether the server's order of cipher suites counts, not the client's.",
    }),
    tlsClientCertificates: oneOf(['none', 'request'], {
      fallback: 'none',
      restart: true,
      help: 'Whether clients are asked for a certificate, which they may sign in with (EXTERNAL).',
    }),
    tlsClientAuthorities: text({
      fallback: undefined,
      restart: true,
      help: 'The certificates, in PEM, of those who issue client certificates.',
      allowed: 'certificates in PEM',
      normalise: (pem) => (isCertificates(pem) ? pem : undefined),
    }),
    maxConnections: integer({
      fallback: 8192,
      min: 1,
      classic: 'max-connections',
      restart: true,
      help: 'The most connections at a time, per worker.',
    }),
    maxConnectionsPerIp: integer({
      fallback: undefined,
      min: 1,
      classic: 'max-connections-per-ip',
      restart: true,
      help: 'The most connections at a time from one IPv4 address or one IPv6 /64 network, per worker.',
    }),
    socketBacklog: integer({
      fallback: 1024,
      min: 1,
      classic: 'socket.backlog',
      restart: true,
      help: 'How many connections may wait to be accepted.',
    }),
  },
})

function isCertificates(pem: string): boolean {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]{1,100000}-----END CERTIFICATE-----/g)
  if (blocks === null) return false
  try {
    return blocks.every((block) => new X509Certificate(block).raw.length > 0)
  } catch {
    return false
  }
}
