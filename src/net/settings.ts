/** The doors of the server as an administrator describes them. */
import { boolean, duration, integer, list, oneOf, socketAddress } from '#settings/field.ts'
import { settingsObject } from '#settings/object.ts'

export const listenerProtocols = ['smtp', 'submission', 'lmtp', 'imap', 'http'] as const

export const networkListener = settingsObject({
  name: 'NetworkListener',
  title: 'Listeners',
  help: 'Where the server listens and for what. Without any, it listens on 127.0.0.1 with ports for trying it out.',
  many: true,
  classic: 'server.listener',
  fields: {
    bind: list(socketAddress({ fallback: undefined, help: 'An address with its port.' }), {
      fallback: [],
      help: 'Addresses to listen on, such as "0.0.0.0:25" or "[::]:25".',
      classic: 'bind',
      min: 1,
      required: true,
      restart: true,
    }),
    protocol: oneOf(listenerProtocols, {
      fallback: 'smtp',
      help: 'What is spoken there. "smtp" on port 465 or 587 means "submission": mail from users who sign in.',
      restart: true,
    }),
    tlsImplicit: boolean({
      fallback: false,
      help: 'Whether TLS begins with the connection. Otherwise clients may ask for it with STARTTLS.',
      classic: 'tls.implicit',
      restart: true,
    }),
    maxConnections: integer({
      fallback: 8192,
      min: 1,
      help: 'Connections at the same time, of all clients together.',
      classic: 'max-connections',
      restart: true,
    }),
    maxConnectionsPerAddress: integer({
      fallback: 256,
      min: 1,
      help: 'Connections at the same time from one IPv4 address or one IPv6 /64 network.',
      restart: true,
    }),
    socketBacklog: integer({
      fallback: 1024,
      min: 1,
      help: 'Connections that may wait to be accepted.',
      classic: 'socket.backlog',
      restart: true,
    }),
    tlsTimeout: duration({
      fallback: 60_000,
      min: 1000,
      help: 'How long a TLS handshake may take.',
      classic: 'tls.timeout',
      restart: true,
    }),
  },
})
