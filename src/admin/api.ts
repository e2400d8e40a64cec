/**
 * Everything this folder answers over HTTP, added to the server's router: the management API, metrics,
 * health checks and the home page.
 */
import { Hono } from 'hono'
import type { Accounts } from '#account/account.ts'
import { limitBody } from '#http/body-limit.ts'
import type { HttpEnv } from '#http/router.ts'
import { accountPermissionsRoute, type PermissionOptions } from './account-permissions.ts'
import { type DnsLookupOptions, dnsLookupRoute } from './dns-lookup.ts'
import { type AdminEnv, adminGate, assertMay, type GateOptions } from './gate.ts'
import { addHomePage } from './home-page.ts'
import { type ObjectOptions, objectRoutes } from './objects.ts'
import { type PrincipalOptions, principalRoutes } from './principals.ts'
import { addRoutes, type ApiRoute } from './route.ts'
import { selfServiceRoutes } from './self-service.ts'
import type { ServerFacts } from './server-facts.ts'

export interface AdminOptions
  extends GateOptions, ObjectOptions, PrincipalOptions, PermissionOptions, DnsLookupOptions {
  readonly accounts: Accounts
  readonly facts: () => ServerFacts
  /** The text of all metrics and its content type. */
  readonly metrics: () => Promise<{ readonly text: string; readonly contentType: string }>
  /** Why the server cannot do its work now, undefined where it can. */
  readonly notReady: () => Promise<string | undefined>
}

/** The largest body that the management API takes. */
const maxApiBodyBytes = 1024 * 1024

export function addAdminRoutes(everything: Hono<HttpEnv>, o: AdminOptions): void {
  const gate = adminGate(o)
  const router = new Hono<AdminEnv>()
  router.use(
    '/api/*',
    gate,
    limitBody(() => maxApiBodyBytes),
  )
  addRoutes(router, apiRoutes(o))
  router.use('/metrics', async (c, next) => {
    if (c.env.client.isLocal) return next()
    return gate(c, async () => {
      assertMay(c, 'sysSystemSettingsGet')
      await next()
    })
  })
  router.get('/metrics', async (c) => {
    const { text, contentType } = await o.metrics()
    return c.body(text, 200, { 'Content-Type': contentType, 'Cache-Control': 'no-store' })
  })
  everything.route('/', router)
  addHealth(everything, o)
  addHomePage(everything, o.facts)
}

/** Everything below `/api`. */
export const apiRoutes = (o: AdminOptions): readonly ApiRoute[] => [
  ...principalRoutes(o),
  ...objectRoutes(o),
  ...selfServiceRoutes({ management: o.management, issuer: () => o.facts().hostName }),
  accountPermissionsRoute(o),
  dnsLookupRoute(o),
  {
    method: 'GET',
    path: '/api/status',
    tag: 'Server',
    summary: 'What the server is and since when it runs',
    permissions: ['sysSystemSettingsGet'],
    handle: async (c) => {
      assertMay(c, 'sysSystemSettingsGet')
      return c.json({ data: await status(o.accounts, o.facts()) })
    },
  },
]

export interface ShownStatus extends ServerFacts {
  readonly domains: number
  readonly accounts: number
}

async function status(accounts: Accounts, facts: ServerFacts): Promise<ShownStatus> {
  const domains = await accounts.listDomains()
  const names = await accounts.names()
  return { ...facts, domains: domains.length, accounts: names.length }
}

/** For supervisors and load balancers, which have no password; the reason is for administrators only. */
function addHealth(router: Hono<HttpEnv>, o: AdminOptions): void {
  const uncached = { 'Cache-Control': 'no-store' }
  router.get('/healthz/live', (c) => c.text('live\n', 200, uncached))
  router.get('/healthz/ready', async (c) => {
    const why = await o.notReady()
    if (why === undefined) return c.text('ready\n', 200, uncached)
    return c.text(c.env.client.isLocal ? `not ready: ${why}\n` : 'not ready\n', 503, uncached)
  })
}
