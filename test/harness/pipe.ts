/** A Connection without a network: what the client side writes, the server's connection reads, and back. */
import { duplexPair, type Duplex } from 'node:stream'
import { StreamConnection, type ConnectionOptions } from '#net/stream-connection.ts'

export function connectionPair(o: Partial<ConnectionOptions> = {}): {
  server: StreamConnection
  client: Duplex
} {
  const [serverSide, client] = duplexPair()
  const server = new StreamConnection(serverSide, {
    listener: 'test',
    peer: { ip: '192.0.2.1', port: 40000 },
    local: { ip: '192.0.2.2', port: 25 },
    idleTimeoutMs: 60_000,
    writeTimeoutMs: 60_000,
    lingerMs: 100,
    handshake: undefined,
    ...o,
  })
  return { server, client }
}
