/**
 * `/api/principal`: accounts, groups, domains, lists and roles in the classic form. It is another way to say
 * what the objects of the management are to be: nothing is checked or written here.
 */
import type { Context } from 'hono'
import { administratorName } from '#account/candidate.ts'
import { administratorId } from '#account/credential-tables.ts'
import { Fault, invalidProperties, isFault } from '#base/fault.ts'
import type { Shown } from '#registry/change.ts'
import { type Scope, singletonId } from '#registry/managed-object.ts'
import type { ChangeOptions, Management } from '#registry/management.ts'
import type { AdminEnv } from './gate.ts'
import { addressesOf, PrincipalPlanner } from './principal-changes.ts'
import type { Given } from './principal-fields.ts'
import { listPrincipals, listQuery } from './principal-list.ts'
import { listsOf } from './principal-lists.ts'
import { applyOperations, type Operation, readOperations } from './principal-operations.ts'
import {
  objectOf,
  type PrincipalObject,
  type PrincipalType,
  principalTypes,
  showPrincipal,
  type ShownPrincipal,
  typesToCome,
} from './principal-shape.ts'
import { changeFields, changeOptions, jsonBody, queryOf } from './request.ts'
import type { ApiRoute } from './route.ts'

export interface PrincipalOptions {
  readonly management: Management
}

const base = '/api/principal'
const tag = 'Principals'
/** Of others who change the same objects at the same moment. */
const mostRetries = 5

export const principalRoutes = (o: PrincipalOptions): readonly ApiRoute[] => [...ofAll(o), ...ofOne(o)]

function ofAll({ management }: PrincipalOptions): readonly ApiRoute[] {
  return [
    {
      method: 'GET',
      path: base,
      tag,
      summary: 'List and search accounts, groups, domains, lists and roles',
      permissions: ['sysAccountQuery', 'sysDomainQuery', 'sysMailingListQuery', 'sysRoleQuery'],
      query: listQuery,
      data: { $ref: '#/components/schemas/PrincipalPage' },
      handle: async (c) =>
        c.json({ data: await listPrincipals(management, scopeOf(c), queryOf(c, listQuery)) }),
    },
    {
      method: 'POST',
      path: base,
      tag,
      summary: 'Create an account, a group, a domain, a list or a role',
      permissions: ['sysAccountCreate', 'sysDomainCreate', 'sysMailingListCreate', 'sysRoleCreate'],
      query: changeFields,
      changes: true,
      body: { $ref: '#/components/schemas/NewPrincipal' },
      data: { type: ['integer', 'string'], description: 'Its number, or the name of a domain or role.' },
      handle: async (c) => c.json({ data: await create(management, c) }),
    },
  ]
}

function ofOne(o: PrincipalOptions): readonly ApiRoute[] {
  const { management } = o
  return [
    {
      method: 'GET',
      path: `${base}/:key`,
      tag,
      summary: 'Show one by name or number',
      permissions: ['sysAccountGet', 'sysDomainGet', 'sysMailingListGet', 'sysRoleGet'],
      data: { $ref: '#/components/schemas/Principal' },
      handle: async (c) => c.json({ data: await shownWhole(management, scopeOf(c), await find(o, c)) }),
    },
    {
      method: 'PATCH',
      path: `${base}/:key`,
      tag,
      summary: 'Change fields of one',
      permissions: ['sysAccountUpdate', 'sysDomainUpdate', 'sysMailingListUpdate', 'sysRoleUpdate'],
      query: changeFields,
      changes: true,
      body: { $ref: '#/components/schemas/PrincipalOperations' },
      data: { type: 'null' },
      handle: async (c) => {
        await patch(o, c)
        return c.json({ data: null })
      },
    },
    {
      method: 'DELETE',
      path: `${base}/:key`,
      tag,
      summary: 'Delete one',
      permissions: ['sysAccountDestroy', 'sysDomainDestroy', 'sysMailingListDestroy', 'sysRoleDestroy'],
      query: changeFields,
      changes: true,
      data: { type: 'null' },
      handle: async (c) => {
        const options = changeOptions(c, queryOf(c, changeFields))
        const { object, one } = await find(o, c)
        await management.destroy(object, one.id, scopeOf(c), options)
        return c.json({ data: null })
      },
    },
  ]
}

const scopeOf = (c: Context<AdminEnv>): Scope => {
  const actor = c.get('actor')
  return { actor, account: actor.account }
}

function readNew(body: unknown): { type: PrincipalType; given: Given } {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw invalidProperties([{ property: '', problem: 'must be an object' }])
  const given = body as Given
  const type = Object.hasOwn(given, 'type') ? given['type'] : undefined
  const known = principalTypes.find((one) => one === type)
  if (known !== undefined) return { type: known, given }
  const problem = typesToCome.some((one) => one === type)
    ? 'is a kind of principal that is not there yet'
    : `must be one of ${principalTypes.join(', ')}`
  throw invalidProperties([{ property: 'type', problem }])
}

async function create(management: Management, c: Context<AdminEnv>): Promise<ShownPrincipal['id']> {
  const options = changeOptions(c, queryOf(c, changeFields))
  const { type, given } = readNew(await jsonBody(c))
  const { changes, problems } = await new PrincipalPlanner(management, scopeOf(c)).plan(type, given)
  const [created] = await management.together(changes, scopeOf(c), { ...options, problems })
  return showPrincipal(objectOf[type], created!).id
}

async function patch(o: PrincipalOptions, c: Context<AdminEnv>): Promise<void> {
  const options = changeOptions(c, queryOf(c, changeFields))
  const operations = readOperations(await jsonBody(c))
  const password = administratorsPassword(c, operations)
  if (password === undefined) await change(o, c, operations, options)
  else await setAdministratorsPassword(o, c, password, options)
}

interface Found {
  readonly object: PrincipalObject
  readonly one: Shown
}

/** What a name can be the name of: an address, a number, or another name. */
function objectsNamed(key: string): readonly PrincipalObject[] {
  if (key.includes('@')) return ['Account', 'MailingList']
  if (/^\d+$/.test(key)) return ['Account', 'MailingList', 'Role']
  return ['Domain', 'Role']
}

/** Whoever may not see a kind of object does not hear of it; who may see none, hears that. */
async function find({ management }: PrincipalOptions, c: Context<AdminEnv>): Promise<Found> {
  const key = c.req.param('key')!
  const scope = scopeOf(c)
  const named = objectsNamed(key)
  const visible = named.filter((object) => management.mayUse(object, 'get', scope.actor))
  for (const object of visible.length === 0 ? named : visible) {
    try {
      return { object, one: await management.get(object, key, scope) }
    } catch (error) {
      if (!isFault(error, 'notFound')) throw error
    }
  }
  throw new Fault('notFound', 'There is no such principal.', { what: 'principal' })
}

async function shownWhole(
  management: Management,
  scope: Scope,
  { object, one }: Found,
): Promise<ShownPrincipal> {
  const lists = object === 'Account' ? await listsOf(management, scope, addressesOf(one)) : []
  return showPrincipal(object, one, lists)
}

/** Operations are on what is there; where that changed meanwhile, they are on what is there then. */
async function change(
  o: PrincipalOptions,
  c: Context<AdminEnv>,
  operations: readonly Operation[],
  options: ChangeOptions,
): Promise<void> {
  const { management } = o
  const scope = scopeOf(c)
  for (let retries = 0; ; retries++) {
    const found = await find(o, c)
    const principal = await shownWhole(management, scope, found)
    const { fields } = management.object(found.object)
    const applied = applyOperations(principal, operations, (field) => Object.hasOwn(fields, field))
    const current = { ...found.one, revision: options.ifRevision ?? found.one.revision }
    const plan = await new PrincipalPlanner(management, scope).plan(principal.type, applied.given, current)
    const changes = plan.changes.map((one) => ({
      ...one,
      called: (property: string) => applied.called(one.called?.(property) ?? property),
    }))
    const wrong = plan.problems.map((one) => ({ ...one, property: applied.called(one.property) }))
    try {
      await management.together(changes, scope, { ...options, problems: [...applied.problems, ...wrong] })
      return
    } catch (error) {
      const isStale = isFault(error, 'conflict') && error.detail.stale === true
      if (!isStale || options.ifRevision !== undefined || retries === mostRetries) throw error
    }
  }
}

/** The administrator without an account has a password and nothing else. */
function administratorsPassword(c: Context<AdminEnv>, operations: readonly Operation[]): unknown {
  const [first, ...more] = operations
  const isMeant = c.req.param('key') === administratorName && first?.field === 'secrets' && more.length === 0
  if (!isMeant || first.action !== 'set') return undefined
  const [password, ...others] = Array.isArray(first.value) ? (first.value as unknown[]) : [first.value]
  return others.length > 0 ? '' : (password ?? '')
}

async function setAdministratorsPassword(
  { management }: PrincipalOptions,
  c: Context<AdminEnv>,
  secret: unknown,
  options: ChangeOptions,
): Promise<void> {
  const scope = { actor: c.get('actor'), account: administratorId }
  const change = { verb: 'update', object: 'AccountPassword', key: singletonId, given: { secret } } as const
  await management.together([{ ...change, called: () => '0/value' }], scope, options)
}
