/**
 * JMAP over WebSocket (RFC 8887): the upgrade of a connection. What goes over it is in `websocket-session.ts`.
 */
import type { Context } from 'hono'
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws'
import { problemResponse } from '#http/errors.ts'
import { upgraded } from '#http/upgrade.ts'
import type { JmapEnv } from './gate.ts'
import { Lasting, type LastingOptions } from './lasting.ts'
import { jmapSettings } from './settings.ts'
import { WebSocketSession, type WebSocketSessionOptions } from './websocket-session.ts'

/** RFC 8887 §4.2: the name of the subprotocol. */
const subprotocol = 'jmap'
/** What is larger than a request may be is refused in words; what is much larger ends the connection. */
const slackBytes = 64 * 1024
/**
 * RFC 7692: nothing is kept from one message for the next (§7.1.1) and the window is small (§7.1.2.1), which is a
 * third of the memory; JMAP repeats itself within a message. Short messages go as they are.
 */
const windowBits = 12
const compression = {
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
  serverMaxWindowBits: windowBits,
  threshold: 1024,
  concurrencyLimit: 4,
  zlibDeflateOptions: { level: 4, memLevel: 5, chunkSize: 4096 },
  zlibInflateOptions: { chunkSize: 4096 },
}
/** How long a client may take to close its side. */
const closeTimeoutMs = 3000

export interface WebSocketOptions extends Omit<WebSocketSessionOptions, 'base' | 'ip'> {
  readonly accessWatch: LastingOptions['accessWatch']
  /** The address under which the client knows the server. */
  readonly baseOf: (c: Context<JmapEnv>) => string
}

/** The handler of GET. */
export function webSocket(o: WebSocketOptions): (c: Context<JmapEnv>) => Response {
  const open = o.processor.services.running.webSockets
  return (c) => {
    const { upgrade, client, incoming, draining } = c.env
    const refuse = (status: number, detail: string, headers?: Record<string, string>): Response =>
      problemResponse({ status, detail }, c.get('requestId'), headers)
    if (upgrade === undefined)
      return refuse(426, 'Here is a WebSocket only.', { Connection: 'Upgrade', Upgrade: 'websocket' })
    if (!asksFor(c.req.header('sec-websocket-protocol')))
      return refuse(400, `The subprotocol must be "${subprotocol}" (RFC 8887 §4.2).`)
    const { accessWatch } = o
    const access = c.get('access')
    const lasting = new Lasting({ access, accessWatch, open, draining })
    const options = { ...o, base: o.baseOf(c), ip: client.ip }
    const { socket, head } = upgrade.take()
    socket.once('close', () => lasting.end('gone'))
    serverFor(o, c.req.header('sec-websocket-extensions')).handleUpgrade(
      incoming,
      socket,
      head,
      (ws: WebSocket) => {
        void new WebSocketSession(ws, lasting, options).run()
      },
    )
    return upgraded()
  }
}

/** §7.1.2.1: a client that has no room for such a window is served without compression. */
function isAcceptable(offers = ''): boolean {
  const wanted = [...offers.matchAll(/server_max_window_bits\s*=\s*"?(\d+)/g)]
  return wanted.every(([, bits]) => Number(bits) >= windowBits)
}

const asksFor = (header: string | undefined): boolean =>
  header?.split(',').some((name) => name.trim() === subprotocol) === true

/** The handshake with the limits as they are now; that of a message holds for what it is when it is inflated too. */
function serverFor({ processor }: WebSocketOptions, offers: string | undefined): WebSocketServer {
  const { maxRequestSize, websocketCompression } = processor.services.settings.get(jmapSettings)
  const options: ServerOptions & { readonly closeTimeout: number } = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: websocketCompression && isAcceptable(offers) ? compression : false,
    maxPayload: maxRequestSize + slackBytes,
    closeTimeout: closeTimeoutMs,
    handleProtocols: () => subprotocol,
  }
  return new WebSocketServer(options)
}
