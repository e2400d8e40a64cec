/**
 * `/api/principal`: domains and accounts, created, listed, shown; passwords set. Answers are `{"data": ...}`;
 * failures are problem documents that name the wrong properties.
 */
import type { Hono } from 'hono'
import type { Account, Accounts } from '#account/account.ts'
import { administratorName } from '#account/candidate.ts'
import { Fault } from '#base/fault.ts'
import type { AccountId } from '#base/id.ts'
import { type AdminEnv, assertMay } from './gate.ts'
import {
  readNewPrincipal,
  readPasswordChange,
  showAccount,
  showDomain,
  type ShownPrincipal,
  withApiNames,
} from './principal-shape.ts'

export interface PrincipalOptions {
  readonly accounts: Accounts
  /** Sets the password of the administrator who has no account. */
  readonly setAdminPassword: (password: string) => Promise<void>
}

const mostPerPage = 1000
const usualPerPage = 100

export function addPrincipals(router: Hono<AdminEnv>, o: PrincipalOptions): void {
  const { accounts } = o

  router.post('/api/principal', async (c) => {
    assertMay(c, 'sysAccountCreate')
    const wanted = readNewPrincipal(readJson(await c.req.text()))
    if (wanted.type === 'domain') return c.json({ data: (await accounts.createDomain(wanted)).name })
    const account = await accounts.createAccount(wanted.account).catch((error: unknown) => {
      throw withApiNames(error)
    })
    return c.json({ data: account.id })
  })

  router.get('/api/principal', async (c) => {
    assertMay(c, 'sysAccountQuery')
    const types = readTypes(c.req.query('types'))
    const page = readCount('page', c.req.query('page'), 1, Number.MAX_SAFE_INTEGER)
    const limit = readCount('limit', c.req.query('limit'), usualPerPage, mostPerPage)
    return c.json({ data: await list(accounts, types, (page - 1) * limit, limit) })
  })

  router.get('/api/principal/:name', async (c) => {
    assertMay(c, 'sysAccountGet')
    const name = c.req.param('name')
    const domain = name.includes('@') ? undefined : await accounts.domain(name)
    return c.json({
      data: domain === undefined ? showAccount(await find(accounts, name)) : showDomain(domain),
    })
  })

  router.patch('/api/principal/:name', async (c) => {
    assertMay(c, 'sysAccountUpdate')
    const name = c.req.param('name')
    const password = readPasswordChange(readJson(await c.req.text()))
    const done =
      name === administratorName
        ? o.setAdminPassword(password)
        : accounts.setPassword((await find(accounts, name)).id, password)
    await done.catch((error: unknown) => {
      throw withApiNames(error)
    })
    return c.json({ data: null })
  })
}

/** By name, or by id in digits. Throws Fault `notFound`. */
async function find(accounts: Accounts, name: string): Promise<Account> {
  const account = /^[1-9]\d{0,9}$/.test(name)
    ? await accounts.get(Number(name) as AccountId)
    : await accounts.byName(name)
  if (account === undefined) throw new Fault('notFound', 'there is no such principal', { what: 'principal' })
  return account
}

/** Domains come before individuals, each in the order of their names. */
async function list(
  accounts: Accounts,
  types: ReadonlySet<string>,
  from: number,
  limit: number,
): Promise<{ items: ShownPrincipal[]; total: number }> {
  const domains = types.has('domain') ? await accounts.listDomains() : []
  const names = types.has('individual') ? await accounts.names() : []
  const items: ShownPrincipal[] = domains.slice(from, from + limit).map(showDomain)
  const first = Math.max(0, from - domains.length)
  if (items.length < limit && first < names.length) {
    const before = first === 0 ? {} : { after: names[first - 1]! }
    const found = await accounts.list({ ...before, limit: limit - items.length })
    items.push(...found.map(showAccount))
  }
  return { items, total: domains.length + names.length }
}

function readTypes(given: string | undefined): ReadonlySet<string> {
  const types = given === undefined || given === '' ? ['domain', 'individual'] : given.split(',')
  for (const type of types) {
    if (type !== 'domain' && type !== 'individual')
      throw invalid('types', 'must be domain, individual or both')
  }
  return new Set(types)
}

function readCount(name: string, given: string | undefined, usual: number, most: number): number {
  if (given === undefined) return usual
  const value = /^\d{1,9}$/.test(given) ? Number(given) : 0
  if (value < 1 || value > most) throw invalid(name, `must be a number from 1 to ${most}`)
  return value
}

function readJson(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    throw new Fault('invalid', 'the body must be JSON', {})
  }
}

const invalid = (property: string, what: string): Fault =>
  new Fault('invalid', `${property}: ${what}`, { properties: [property] })
