/** What the routes of the management API read from a request. Everything wrong is Fault `invalid`. */
import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { normaliseDomain } from '#base/domain-name.ts'
import { Fault, invalidProperties } from '#base/fault.ts'
import { parseJsonBody } from '#http/json-body.ts'
import type { ChangeOptions } from '#registry/management.ts'
import { boolean, integer } from '#settings/field.ts'
import { fallbacksOf, type Fields, readValues, type Values } from '#settings/values.ts'
import type { AdminEnv } from './gate.ts'

const mostPerPage = 1000
const usualPerPage = 100

/** JSON is meant too where a client says nothing, or what curl says of its own accord with `-d`. */
const jsonTypes = /^(?:application\/(?:[\w.+-]+\+)?json|application\/x-www-form-urlencoded)\s*(?:;|$)/i

export async function jsonBody(c: Context<AdminEnv>): Promise<unknown> {
  const type = c.req.header('content-type')
  if (type !== undefined && !jsonTypes.test(type))
    throw new HTTPException(415, { message: 'The body must be application/json.' })
  return parseJsonBody(new Uint8Array(await c.req.arrayBuffer()))
}

/** The name that was asked, in its stored spelling; undefined for an address or none. */
export const hostOf = (c: Pick<Context, 'req'>): string | undefined =>
  normaliseDomain((c.req.header('host') ?? new URL(c.req.url).host).replace(/:\d+$/, ''))

export const pageFields = {
  page: integer({ fallback: 1, min: 1, max: 1_000_000, help: 'Which page, from 1.' }),
  limit: integer({ fallback: usualPerPage, min: 1, max: mostPerPage, help: 'How many a page has.' }),
} as const satisfies Fields

export const changeFields = {
  dryRun: boolean({ fallback: false, help: 'Do everything but keep it: the answer says what would be.' }),
} as const satisfies Fields

/** The query parameters that a route knows. Throws Fault `invalid` for others. */
export function queryOf(c: Context<AdminEnv>, fields: Fields): Values {
  const { values, problems } = readValues(fields, c.req.query(), 'update')
  if (problems.length > 0) throw invalidProperties(problems)
  return { ...fallbacksOf(fields), ...values }
}

export function pageOf(query: Values): { readonly position: number; readonly limit: number } {
  const { page, limit } = query as { page: number; limit: number }
  return { position: (page - 1) * limit, limit }
}

/** `?dryRun=true`, and the revision of an `If-Match` header (RFC 9110 §13.1.1). */
export function changeOptions(c: Context<AdminEnv>, query: Values): ChangeOptions {
  const header = c.req.header('if-match')
  const match = /^"([A-Za-z0-9_-]{1,64})"$/.exec(header ?? '')
  if (header !== undefined && header !== '*' && match === null)
    throw new Fault('invalid', 'If-Match must be one revision in quotes', {})
  return { dryRun: query['dryRun'] === true, ...(match === null ? {} : { ifRevision: match[1]! }) }
}
