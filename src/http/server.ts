/**
 * HTTP/1.1 as one more protocol of a listener, which brings TLS with SNI, connection limits and draining.
 * node:http parses; this sets its limits, tells handlers who is asking, and ends cleanly. A client that is
 * slow with its headers or its request, or does nothing at all, is cut off.
 */
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http'
import type { Socket } from 'node:net'
import { getRequestListener, RequestError } from '@hono/node-server'
import type { IpNetwork } from '#base/ip.ts'
import type { SocketArrival, SocketProtocol } from '#net/protocol.ts'
import { clientOf } from './client.ts'
import { problemResponse } from './errors.ts'
import type { HttpBindings } from './router.ts'
import { asksForWebSocket, beginUpgrade, type Upgrade } from './upgrade.ts'

/** What a Hono router has. */
export interface HttpHandler {
  fetch(request: Request, bindings: HttpBindings): Response | Promise<Response>
}

export interface HttpOptions {
  /** Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed; asked for each request. */
  readonly trustedNetworks?: () => readonly IpNetwork[]
  /** Until the headers are complete. */
  readonly headersTimeoutMs?: number
  /** Until the whole request is here. */
  readonly requestTimeoutMs?: number
  /** Between requests. */
  readonly keepAliveTimeoutMs?: number
  /** Without a byte in either direction; event streams must say something more often. */
  readonly idleTimeoutMs?: number
  readonly maxHeaderBytes?: number
  /** A failure below the handlers, which have their own way to tell. */
  readonly onCrash: (error: unknown) => void
}

const defaults = {
  trustedNetworks: (): readonly IpNetwork[] => [],
  headersTimeoutMs: 15_000,
  requestTimeoutMs: 600_000,
  keepAliveTimeoutMs: 65_000,
  idleTimeoutMs: 120_000,
  maxHeaderBytes: 16 * 1024,
}

const maxHeaders = 100
const checkEveryMs = 5000

/** The protocol for any number of listeners, plain and TLS. */
export function httpProtocol(handler: HttpHandler, options: HttpOptions): SocketProtocol {
  const o = { ...defaults, ...options }
  const arrivals = new WeakMap<Socket, SocketArrival>()
  const upgrades = new WeakMap<ServerResponse, Upgrade>()
  const draining = new AbortController()

  const answer = getRequestListener(
    (request, env) => {
      const { incoming, outgoing } = env as HttpBindings
      const arrival = arrivals.get(incoming.socket)!
      if (hasTwoHosts(incoming)) return problemResponse({ status: 400 }, '')
      return handler.fetch(request, {
        incoming,
        outgoing,
        listener: arrival.listener,
        client: clientOf(incoming.headers, arrival, o.trustedNetworks()),
        upgrade: upgrades.get(outgoing),
        draining: draining.signal,
      })
    },
    {
      // Health checks of proxies ask with HTTP/1.0, which needs no Host (RFC 9112 §3.3).
      hostname: 'localhost',
      // A request that cannot even be represented, such as one without a usable Host.
      errorHandler: (error) => refuse(error, o.onCrash),
    },
  )
  const server = createServer(nodeOptions(o), (incoming, outgoing) => {
    if (draining.signal.aborted) outgoing.shouldKeepAlive = false
    outgoing.once('close', () => {
      if (draining.signal.aborted) closeIdleSoon(server)
    })
    begin(incoming, outgoing)
  })
  const begin = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    answer(incoming, outgoing).catch((error: unknown) => {
      o.onCrash(error)
      incoming.socket.destroy()
    })
  }
  server.on('upgrade', (incoming: IncomingMessage, socket: Socket, head: Buffer) => {
    const { outgoing, upgrade } = beginUpgrade(incoming, socket, head)
    upgrades.set(outgoing, upgrade)
    begin(incoming, outgoing)
  })
  server.maxHeadersCount = maxHeaders
  server.timeout = o.idleTimeoutMs
  // The listener accepts, so this server never listens; the event is what starts node's checks of the
  // header and request time limits (shown by the test with a slow client).
  server.emit('listening')
  return {
    name: 'http',
    alpn: ['http/1.1'],
    serveSocket(socket, arrival) {
      arrivals.set(socket, arrival)
      handOver(server, socket)
    },
    drain() {
      draining.abort()
      server.closeIdleConnections()
    },
  }
}

const nodeOptions = (o: typeof defaults): ServerOptions => ({
  headersTimeout: o.headersTimeoutMs,
  requestTimeout: o.requestTimeoutMs,
  keepAliveTimeout: o.keepAliveTimeoutMs,
  connectionsCheckingInterval: Math.min(checkEveryMs, o.headersTimeoutMs),
  maxHeaderSize: o.maxHeaderBytes,
  shouldUpgradeCallback: asksForWebSocket,
})

/** RFC 9112 §3.2: a proxy may have looked at the other one. */
function hasTwoHosts({ rawHeaders }: IncomingMessage): boolean {
  let hosts = 0
  for (let i = 0; i < rawHeaders.length; i += 2) if (rawHeaders[i]!.toLowerCase() === 'host') hosts++
  return hosts > 1
}

function refuse(error: unknown, onCrash: HttpOptions['onCrash']): Response {
  if (error instanceof RequestError) return problemResponse({ status: 400 }, '')
  onCrash(error)
  return problemResponse({ status: 500 }, '')
}

function handOver(server: Server, socket: Socket): void {
  server.emit('connection', socket)
  // Where a PROXY header was read, reading has been stopped behind it.
  if (socket.isPaused()) socket.resume()
}

/** After the response that just ended, its connection counts as idle. */
function closeIdleSoon(server: Server): void {
  setImmediate(() => server.closeIdleConnections())
}
