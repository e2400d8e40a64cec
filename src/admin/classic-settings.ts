/**
 * `/api/settings`: settings under their dotted keys, as existing scripts read and write them. They are the
 * settings objects of the management, which says who may do what, what is right, and writes.
 */
import type { Context } from 'hono'
import { allPermissions } from '#account/permission.ts'
import { Fault } from '#base/fault.ts'
import { type Scope, singletonId } from '#registry/managed-object.ts'
import type { Management } from '#registry/management.ts'
import { text } from '#settings/field.ts'
import type { JsonSchema } from '#settings/json-schema.ts'
import type { AnySettingsObject } from '#settings/object.ts'
import type { Fields, Values } from '#settings/values.ts'
import { keyedValues, type KeyedValue, keyOf, rootOf, type ShownInstance } from './classic-keys.ts'
import { planSettings, readSettingsOperations } from './classic-operations.ts'
import type { AdminEnv } from './gate.ts'
import { changeFields, changeOptions, jsonBody, pageFields, pageOf, queryOf } from './request.ts'
import type { ApiRoute } from './route.ts'

export interface ClassicSettingsOptions {
  readonly management: Management
  readonly settingsObjects: readonly AnySettingsObject[]
}

const base = '/api/settings'
const tag = 'Settings'
const readable = allPermissions.filter((permission) => /^sys\w+Get$/.test(permission))
const mostInstances = 10_000

const listQuery = {
  prefix: text({ fallback: '', help: 'Only keys below this one, which are shown without it.' }),
  ...pageFields,
} as const satisfies Fields
const groupQuery = {
  prefix: text({ fallback: '', help: 'What stands before the names, such as server.listener.' }),
  suffix: text({ fallback: '', help: 'Only those that have this key.' }),
  ...pageFields,
} as const satisfies Fields
const keysQuery = {
  keys: text({ fallback: '', help: 'Keys, with commas in between.' }),
  prefixes: text({ fallback: '', help: 'All keys below these, with commas in between.' }),
} as const satisfies Fields

const keyed: JsonSchema = { type: 'object', additionalProperties: { type: 'string' } }
const pageOfKeys: JsonSchema = {
  type: 'object',
  properties: { total: { type: 'integer' }, items: {} },
}

export function classicSettingsRoutes(options: ClassicSettingsOptions): readonly ApiRoute[] {
  const settingsObjects = options.settingsObjects.filter(({ hasOwnHandler }) => hasOwnHandler !== true)
  const o = { ...options, settingsObjects }
  const route = { method: 'GET', tag, permissions: readable } as const
  return [
    {
      ...route,
      path: `${base}/list`,
      summary: 'Settings that are given somewhere, by their dotted keys',
      query: listQuery,
      data: pageOfKeys,
      handle: async (c) => c.json({ data: await list(o, c) }),
    },
    {
      ...route,
      path: `${base}/keys`,
      summary: 'What holds for some keys',
      query: keysQuery,
      data: keyed,
      handle: async (c) => c.json({ data: await keys(o, c) }),
    },
    {
      ...route,
      path: `${base}/group`,
      summary: 'Objects of one kind, each with its keys',
      query: groupQuery,
      data: pageOfKeys,
      handle: async (c) => c.json({ data: await group(o, c) }),
    },
    {
      method: 'POST',
      path: base,
      tag,
      summary: 'Insert, delete and clear keys: all of it, or nothing',
      permissions: allPermissions.filter((permission) => /^sys\w+Update$/.test(permission)),
      query: changeFields,
      changes: true,
      body: { $ref: '#/components/schemas/SettingsOperations' },
      data: { type: 'null' },
      handle: async (c) => {
        const how = changeOptions(c, queryOf(c, changeFields))
        const operations = readSettingsOperations(await jsonBody(c))
        const { changes, problems } = planSettings(operations, o.settingsObjects, await given(o, c))
        if (changes.length > 0 || problems.length > 0)
          await o.management.together(changes, scopeOf(c), { ...how, problems })
        return c.json({ data: null })
      },
    },
  ]
}

const scopeOf = (c: Context<AdminEnv>): Scope => {
  const actor = c.get('actor')
  return { actor, account: actor.account }
}

/** All objects that the actor may see. Throws Fault `forbidden` where that is none. */
async function given(o: ClassicSettingsOptions, c: Context<AdminEnv>): Promise<readonly ShownInstance[]> {
  const { management } = o
  const scope = scopeOf(c)
  const mayGet = (name: string): boolean => management.mayUse(name, 'get', scope.actor)
  const visible = o.settingsObjects.filter(
    ({ name, many }) => mayGet(name) && (!many || management.mayUse(name, 'query', scope.actor)),
  )
  if (visible.length === 0)
    throw new Fault('forbidden', 'This needs the permission to read some settings.', { what: 'settings' })
  const found: ShownInstance[] = []
  for (const object of visible)
    for (const { id, values } of await instancesOf(management, object, scope))
      found.push({ object, id: object.many ? id : '', values })
  return found
}

async function instancesOf(management: Management, object: AnySettingsObject, scope: Scope) {
  if (!object.many) return [await management.get(object.name, singletonId, scope)]
  const all = { filter: {}, position: 0, limit: mostInstances }
  const { ids } = await management.query(object.name, all, scope)
  return management.getMany(object.name, ids, scope)
}

const originsOf = ({ values }: ShownInstance): Values => (values['origins'] ?? {}) as Values

function keysOf(one: ShownInstance, isWanted: (field: string) => boolean): readonly KeyedValue[] {
  const { object, id, values } = one
  return Object.keys(object.fields)
    .filter(isWanted)
    .flatMap((field) => keyedValues(keyOf(object, id, field), values[field]))
}

const setIn = (one: ShownInstance): readonly KeyedValue[] =>
  keysOf(one, (field) => Object.hasOwn(originsOf(one), field))

const isBelow = (key: string, prefix: string): boolean => prefix === '' || key.startsWith(`${prefix}.`)

async function list(o: ClassicSettingsOptions, c: Context<AdminEnv>) {
  const query = queryOf(c, listQuery)
  const prefix = (query['prefix'] as string).replace(/\.$/, '')
  const all = (await given(o, c)).flatMap(setIn).filter(({ key }) => isBelow(key, prefix))
  all.sort((a, b) => (a.key < b.key ? -1 : 1))
  const { position, limit } = pageOf(query)
  const cut = prefix === '' ? 0 : prefix.length + 1
  const items = all.slice(position, position + limit).map(({ key, value }) => [key.slice(cut), value])
  return { total: all.length, items: Object.fromEntries(items) as object }
}

async function keys(o: ClassicSettingsOptions, c: Context<AdminEnv>) {
  const query = queryOf(c, keysQuery)
  const split = (name: string): readonly string[] =>
    (query[name] as string).split(',').filter((one) => one !== '')
  const [wanted, prefixes] = [split('keys'), split('prefixes')]
  const all = (await given(o, c)).flatMap((one) => keysOf(one, () => true))
  const found = all.filter(
    ({ key }) =>
      wanted.some((one) => key === one || (/^\.\d{4}$/.test(key.slice(one.length)) && key.startsWith(one))) ||
      prefixes.some((one) => isBelow(key, one)),
  )
  return Object.fromEntries(found.map(({ key, value }) => [key, value])) as object
}

async function group(o: ClassicSettingsOptions, c: Context<AdminEnv>) {
  const query = queryOf(c, groupQuery)
  const { prefix, suffix } = query as { prefix: string; suffix: string }
  const instances = (await given(o, c)).filter(({ object }) => object.many && rootOf(object) === prefix)
  const all = instances.flatMap((one) => {
    const cut = `${prefix}.${one.id}.`.length
    const found = setIn(one).map(({ key, value }) => [key.slice(cut), value] as const)
    const hasSuffix = suffix === '' || found.some(([key]) => key === suffix)
    return hasSuffix ? [{ _id: one.id, ...Object.fromEntries(found) }] : []
  })
  const { position, limit } = pageOf(query)
  return { total: all.length, items: all.slice(position, position + limit) }
}
