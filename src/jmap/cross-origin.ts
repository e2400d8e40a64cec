/**
 * Web clients that come from another site (Fetch Standard, CORS protocol). Where an administrator allows them, they may
 * use everything of JMAP with the name and password or the key that their user gives them. By what a browser remembers
 * by itself they can read and change nothing, since credentials are never said to be allowed; all that browsers send
 * without asking is an upload. A WebSocket, of which they ask nobody, stays refused by the gate.
 */
import type { MiddlewareHandler } from 'hono'
import { cors } from 'hono/cors'
import type { HttpEnv } from '#http/router.ts'

/** A browser asks once a day whether it may. */
const preflightSeconds = 86_400

/** To come before the gate: browsers ask without credentials. */
export function crossOrigin(isAllowed: () => boolean): MiddlewareHandler<HttpEnv> {
  const answer = cors({
    origin: '*',
    allowMethods: ['GET', 'POST'],
    allowHeaders: ['Authorization', 'Content-Type', 'If-None-Match', 'If-Range', 'Last-Event-ID', 'Range'],
    exposeHeaders: [
      'Accept-Ranges',
      'Content-Disposition',
      'Content-Range',
      'ETag',
      'RateLimit',
      'RateLimit-Policy',
      'Retry-After',
      'X-Request-Id',
    ],
    maxAge: preflightSeconds,
  })
  return (c, next) => (isAllowed() ? answer(c, next) : next())
}
