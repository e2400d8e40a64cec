/**
 * What all HTTP handlers share: a request id, a limit for bodies, headers that keep browsers safe, and
 * failures as problem documents that reveal nothing. Folders add their routes to the router made here.
 */
import { randomUUID } from 'node:crypto'
import { type Context, Hono } from 'hono'
import type { HttpBindings as NodeBindings } from '@hono/node-server'
import { limitBody } from './body-limit.ts'
import type { Client } from './client.ts'
import { problemOf, problemResponse } from './errors.ts'
import type { Upgrade } from './upgrade.ts'

/** What a handler finds in `c.env`, besides node's request and response. */
export interface HttpBindings extends NodeBindings {
  readonly client: Client
  readonly listener: string
  /** Where the client asks for another protocol on its connection. */
  readonly upgrade: Upgrade | undefined
  /** Fires when what lasts must come to its end: event streams, other protocols. */
  readonly draining: AbortSignal
}

/** The type of contexts: `c.env.client`, `c.get('requestId')`. */
export interface HttpEnv {
  Bindings: HttpBindings
  Variables: { requestId: string }
}

export type Router = Hono<HttpEnv>
export type HttpContext = Context<HttpEnv>

export interface RouterOptions {
  /** The largest body that a path accepts. */
  readonly maxBodyBytes: (path: string) => number
  /** For TLS only: how long browsers are to insist on it (RFC 6797); 0 or absent: not at all. */
  readonly hstsSeconds?: () => number
  /** A programming error in a handler; the client got a 500 with this id. */
  readonly onCrash: (error: unknown, request: { id: string; method: string; path: string }) => void
}

// Pages are self-contained: their own styles and pictures, scripts from files only, never inside a frame.
const contentSecurityPolicy =
  "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; script-src 'self'; " +
  "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

export function createRouter(o: RouterOptions): Hono<HttpEnv> {
  const router = new Hono<HttpEnv>()
  router.use(async (c, next) => {
    c.set('requestId', randomUUID())
    await next()
    protect(c, o.hstsSeconds?.() ?? 0)
  })
  router.use(limitBody(o.maxBodyBytes))
  router.notFound((c) => problemResponse({ status: 404 }, c.get('requestId')))
  router.onError((error, c) => {
    const id = c.get('requestId')
    const expected = problemOf(error)
    if (expected !== undefined) return problemResponse(expected.problem, id, expected.headers)
    if (hasLeft(c)) return problemResponse({ status: 400 }, id)
    o.onCrash(error, { id, method: c.req.method, path: c.req.path })
    return problemResponse({ status: 500 }, id)
  })
  return router
}

/** Whoever asked went away before the request was whole: nobody is there for an answer, and nothing is wrong. */
function hasLeft(c: Context<HttpEnv>): boolean {
  const { incoming } = c.env
  return incoming.destroyed && !incoming.complete
}

/** Headers of every response; a handler's own ones stay. */
function protect(c: Context<HttpEnv>, hstsSeconds: number): void {
  const { headers } = c.res
  const set = (name: string, value: string): void => {
    if (!headers.has(name)) headers.set(name, value)
  }
  set('X-Request-Id', c.get('requestId'))
  set('X-Content-Type-Options', 'nosniff')
  if (hstsSeconds > 0 && c.env.client.secure) set('Strict-Transport-Security', `max-age=${hstsSeconds}`)
  if (headers.get('Content-Type')?.startsWith('text/html') === true) {
    set('Content-Security-Policy', contentSecurityPolicy)
    set('X-Frame-Options', 'DENY')
    set('Referrer-Policy', 'no-referrer')
    set('Cross-Origin-Opener-Policy', 'same-origin')
  }
}
