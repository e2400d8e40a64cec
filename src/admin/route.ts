/**
 * Routes of the API as data: what the router is given and what the OpenAPI document tells are made of the same
 * list, so neither can have what the other has not. A path that is known answers every other method with what
 * it knows (RFC 9110 §15.5.6).
 */
import type { Context, Hono } from 'hono'
import type { Permission } from '#account/permission.ts'
import { refuseOtherMethods } from '#http/other-methods.ts'
import type { HttpEnv } from '#http/router.ts'
import type { JsonSchema } from '#settings/json-schema.ts'
import type { Fields } from '#settings/values.ts'
import { type AdminEnv, assertMay } from './gate.ts'
import { queryOf } from './request.ts'

export interface ApiRoute {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** Parameters as `:name`. */
  readonly path: string
  /** Heading in the reference. */
  readonly tag: string
  readonly summary: string
  /** Any of these lets one in; none: whoever signed in. */
  readonly permissions: readonly Permission[]
  readonly query?: Fields
  /** Takes `?dryRun=` and `If-Match`. */
  readonly changes?: true
  readonly body?: JsonSchema
  /** Of what stands in `data`. */
  readonly data?: JsonSchema
  /** The answer is not wrapped in `data`. */
  readonly bare?: true
  /** Of the answer, where it is not JSON. */
  readonly type?: string
  /** 200 where nothing else is said. */
  readonly status?: 201
  readonly handle: (c: Context<AdminEnv>) => Promise<Response> | Response
}

/** Not below `/api`: for programs that watch the server. */
export interface PlainRoute {
  readonly path: string
  readonly summary: string
  readonly type: string
  /** For whoever asks. */
  readonly open?: true
  readonly handle: (c: Context<HttpEnv>) => Promise<Response> | Response
}

export function addRoutes(router: Hono<AdminEnv>, routes: readonly ApiRoute[]): void {
  for (const { method, path, permissions, query = {}, handle } of routes) {
    router.on(method, path, (c) => {
      assertMay(c, permissions)
      // A parameter that is not known is wrong, so that no filter is passed over.
      queryOf(c, query)
      return handle(c)
    })
  }
  refuseOtherMethods(router, routes)
}
