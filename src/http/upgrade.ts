/**
 * Connections that stop to be HTTP (RFC 9110 §7.8). A request that asks for it goes through the routes as any other,
 * so that who is asking and what is wrong is said in one way; a handler that agrees takes the socket.
 *
 * What must always hold: a socket that nobody took gets the response and is closed; one that was taken is its
 * taker's, who ends it when the server drains.
 */
import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'

/** What a handler of such a request finds in `c.env.upgrade`. */
export interface Upgrade {
  /** The socket, and what was read behind the request. Once; the handler then returns `upgraded()`. */
  take(): { readonly socket: Socket; readonly head: Buffer }
}

/** The only protocol that anybody here speaks; a request for another one is a plain request. */
export const asksForWebSocket = ({ method, headers }: IncomingMessage): boolean =>
  method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket'

/** What a handler returns that took the socket. */
export const upgraded = (): Response => new Response(null, { headers: RESPONSE_ALREADY_SENT.headers })

/** The response to give to the routes, and the upgrade that they may make of it. */
export function beginUpgrade(
  incoming: IncomingMessage,
  socket: Socket,
  head: Buffer,
): { readonly outgoing: ServerResponse; readonly upgrade: Upgrade } {
  // node:http listens no more: a client that goes away is no crash.
  socket.on('error', ignore)
  const outgoing = new ServerResponse(incoming)
  outgoing.shouldKeepAlive = false
  outgoing.assignSocket(socket)
  const close = (): void => {
    outgoing.detachSocket(socket)
    socket.destroySoon()
  }
  outgoing.once('finish', close)
  return {
    outgoing,
    upgrade: {
      take() {
        outgoing.off('finish', close)
        outgoing.detachSocket(socket)
        return { socket, head }
      },
    },
  }
}

const ignore = (): void => {}
