/** The server itself: what it is, its description for programs, and reading its configuration again. */
import type { Accounts } from '#account/account.ts'
import { Fault } from '#base/fault.ts'
import type { QueueControl } from '#queue/control.ts'
import type { Management } from '#registry/management.ts'
import type { JsonSchema } from '#settings/json-schema.ts'
import { schemaDocument } from './object-schema.ts'
import type { ApiRoute } from './route.ts'
import type { ServerFacts } from './server-facts.ts'

export interface Reloaded {
  /** Why nothing was changed; empty where all was taken. */
  readonly errors: readonly string[]
  /** Names of objects of which anything changed. */
  readonly changed: readonly string[]
  readonly warnings: readonly string[]
  /** Fields, as `Object.field`, whose change takes effect at the next start only. */
  readonly restart: readonly string[]
}

export interface ServerRouteOptions {
  readonly management: Management
  readonly accounts: Pick<Accounts, 'listDomains' | 'names'>
  readonly facts: () => ServerFacts
  readonly queue: Pick<QueueControl, 'paused' | 'active'>
  /** Reads the settings again. */
  readonly reload: () => Promise<Reloaded>
}

export interface ShownStatus extends ServerFacts {
  readonly domains: number
  readonly accounts: number
  readonly queue: {
    /** Attempts under way. */
    readonly active: number
    /** While nothing is begun: since when, and by whom. */
    readonly paused?: { readonly at: string; readonly by: string }
  }
}

const tag = 'Server'
const anyObject: JsonSchema = { type: 'object' }
const texts: JsonSchema = { type: 'array', items: { type: 'string' } }

/** `openApi` makes the document of all routes, of which these are some. */
export function serverRoutes(o: ServerRouteOptions, openApi: () => JsonSchema): readonly ApiRoute[] {
  return [
    {
      method: 'GET',
      path: '/api/status',
      tag,
      summary: 'What the server is and since when it runs',
      permissions: ['sysSystemSettingsGet'],
      data: anyObject,
      handle: async (c) => c.json({ data: await status(o) }),
    },
    reloadRoute(o, 'GET'),
    reloadRoute(o, 'POST'),
    {
      method: 'GET',
      path: '/api/openapi.json',
      tag,
      summary: 'This document',
      permissions: [],
      bare: true,
      data: anyObject,
      handle: (c) => c.json(openApi()),
    },
    ...schemaRoutes(o),
  ]
}

const reloadRoute = ({ management, reload }: ServerRouteOptions, method: 'GET' | 'POST'): ApiRoute => ({
  method,
  path: '/api/reload',
  tag,
  summary: 'Read the configuration and certificates again; connections stay',
  permissions: ['actionReloadSettings'],
  data: { type: 'object', properties: { errors: texts, changed: texts, warnings: texts, restart: texts } },
  handle: async (c) => {
    const actor = c.get('actor')
    const done = await management.act('ReloadSettings', { actor, account: actor.account }, reload)
    if (done.errors.length > 0)
      throw new Fault('conflict', `Nothing was changed: ${done.errors.join('; ')}`, {})
    return c.json({ data: done })
  },
})

function schemaRoutes({ management }: ServerRouteOptions): readonly ApiRoute[] {
  let made: ReturnType<typeof schemaDocument> | undefined
  const schema = (): ReturnType<typeof schemaDocument> => (made ??= schemaDocument(management))
  const route = { method: 'GET', tag, permissions: [], bare: true, data: anyObject } as const
  return [
    {
      ...route,
      path: '/api/schema',
      summary: 'All objects as JSON Schema, with the hash of it',
      handle: (c) => {
        const { hash, document } = schema()
        c.header('ETag', `"${hash}"`)
        return c.json(document)
      },
    },
    {
      ...route,
      path: '/api/schema/:hash',
      summary: 'The same by its hash, to keep for good',
      handle: (c) => {
        const { hash, document } = schema()
        if (c.req.param('hash') !== hash)
          throw new Fault('notFound', 'The objects are others by now: ask /api/schema.', { what: 'schema' })
        c.header('Cache-Control', 'private, max-age=31536000, immutable')
        return c.json(document)
      },
    },
  ]
}

async function status({ accounts, facts, queue }: ServerRouteOptions): Promise<ShownStatus> {
  const domains = await accounts.listDomains()
  const names = await accounts.names()
  const { paused, active } = queue
  return {
    ...facts(),
    domains: domains.length,
    accounts: names.length,
    queue: {
      active,
      ...(paused === undefined ? {} : { paused: { at: new Date(paused.at).toISOString(), by: paused.by } }),
    },
  }
}
