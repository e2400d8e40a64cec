/** What the routes of the management API read from a request. Everything wrong is Fault `invalid`. */
import type { Context } from 'hono'
import { Fault, invalidProperties } from '#base/fault.ts'
import type { ChangeOptions } from '#registry/management.ts'
import type { AdminEnv } from './gate.ts'

const mostPerPage = 1000
const usualPerPage = 100

export async function jsonBody(c: Context<AdminEnv>): Promise<unknown> {
  try {
    return JSON.parse(await c.req.text())
  } catch (error) {
    if (error instanceof SyntaxError) throw new Fault('invalid', 'the body must be JSON', {})
    throw error
  }
}

export function pageOf(c: Context<AdminEnv>): { readonly position: number; readonly limit: number } {
  const page = countOf('page', c.req.query('page'), 1, 1_000_000)
  const limit = countOf('limit', c.req.query('limit'), usualPerPage, mostPerPage)
  return { position: (page - 1) * limit, limit }
}

function countOf(name: string, given: string | undefined, usual: number, most: number): number {
  if (given === undefined) return usual
  const value = /^\d{1,9}$/.test(given) ? Number(given) : 0
  if (value < 1 || value > most)
    throw invalidProperties([{ property: name, problem: `must be a number from 1 to ${most}` }])
  return value
}

/** `?dryRun=true`, and the revision of an `If-Match` header (RFC 9110 §13.1.1). */
export function changeOptions(c: Context<AdminEnv>): ChangeOptions {
  const dryRun = c.req.query('dryRun')
  if (dryRun !== undefined && dryRun !== 'true' && dryRun !== 'false')
    throw invalidProperties([{ property: 'dryRun', problem: 'must be true or false' }])
  const match = /^"([A-Za-z0-9_-]{1,64})"$/.exec(c.req.header('if-match') ?? '')
  if (c.req.header('if-match') !== undefined && match === null)
    throw new Fault('invalid', 'If-Match must be one revision in quotes', {})
  return { dryRun: dryRun === 'true', ...(match === null ? {} : { ifRevision: match[1]! }) }
}
