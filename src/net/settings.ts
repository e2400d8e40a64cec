/** Where the server listens. Classic keys are those of `[server.listener.<id>]`. */
import { boolean, duration, integer, list, oneOf, socketAddress } from '#settings/field.ts'
import { settingsObject } from '#settings/object.ts'

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
