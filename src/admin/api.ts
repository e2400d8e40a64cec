/**
 * Everything this folder answers over HTTP, added to the server's router: the management API, metrics,
 * health checks and the home page.
 */
import { type Context, Hono } from 'hono'
import { limitBody } from '#http/body-limit.ts'
import { limitAddress } from '#http/request-rates.ts'
import type { HttpEnv } from '#http/router.ts'
import { accountPermissionsRoute, type PermissionOptions } from './account-permissions.ts'
import { autoconfigPages, type AutoconfigOptions } from './autoconfig.ts'
import { type ClassicSettingsOptions, classicSettingsRoutes } from './classic-settings.ts'
import { dkimRoutes, type DkimOptions } from './dkim.ts'
import { dnsRecordsRoute, type ZoneOptions } from './dns-records.ts'
import { type DnsLookupOptions, dnsLookupRoute } from './dns-lookup.ts'
import { type DoctorOptions, doctorRoute } from './doctor.ts'
import { type AdminEnv, adminGate, assertMay, type GateOptions } from './gate.ts'
import { addHomePage } from './home-page.ts'
import { type ObjectOptions, objectRoutes } from './objects.ts'
import { mtaStsPage, type MtaStsOptions } from './mta-sts-page.ts'
import { openApiDocument } from './openapi.ts'
import { type PrincipalOptions, principalRoutes } from './principals.ts'
import { type PushKeyOptions, pushKeyRoute } from './push-key.ts'
import { queueMessageRoutes } from './queue-messages.ts'
import { type QueueStatusOptions, queueStatusRoutes } from './queue-status.ts'
import { reportRoutes } from './reports.ts'
import { addRoutes, type ApiRoute, type PlainRoute } from './route.ts'
import { type RecountOptions, recountRoute } from './recount.ts'
import { type SearchIndexOptions, searchIndexRoutes } from './search-index.ts'
import { selfServiceRoutes } from './self-service.ts'
import { type ServerRouteOptions, serverRoutes } from './server-routes.ts'
import { type TroubleshootDmarcOptions, troubleshootDmarcRoute } from './troubleshoot-dmarc.ts'
import { type TroubleshootOptions, troubleshootRoute } from './troubleshoot.ts'

export interface AdminOptions
  extends
    GateOptions,
    ObjectOptions,
    PrincipalOptions,
    PermissionOptions,
    DnsLookupOptions,
    ZoneOptions,
    Pick<DkimOptions, 'rotateDkim'>,
    Pick<PushKeyOptions, 'rotatePushKey'>,
    ClassicSettingsOptions,
    QueueStatusOptions,
    TroubleshootOptions,
    TroubleshootDmarcOptions,
    DoctorOptions,
    Pick<RecountOptions, 'recount'>,
    Pick<SearchIndexOptions, 'searchIndexes'>,
    MtaStsOptions,
    Pick<AutoconfigOptions, 'hasDomain'>,
    Omit<ServerRouteOptions, 'accounts' | 'queue'> {
  readonly accounts: ObjectOptions['accounts'] &
    PermissionOptions['accounts'] &
    ServerRouteOptions['accounts']
  /** The text of all metrics and its content type. */
  readonly metrics: () => Promise<{ readonly text: string; readonly contentType: string }>
  /** Why the server cannot do its work now, undefined where it can. */
  readonly notReady: () => Promise<string | undefined>
}

/** The largest body that the management API takes. */
const maxApiBodyBytes = 1024 * 1024

/** After all routes that ask who one is. */
export function addAdminRoutes(everything: Hono<HttpEnv>, o: AdminOptions): void {
  const gate = adminGate(o)
  const router = new Hono<AdminEnv>()
  router.use(
    '/api/*',
    gate,
    limitBody(() => maxApiBodyBytes),
  )
  router.use('/metrics', async (c, next) => {
    if (c.env.client.isLocal) return next()
    return gate(c, async () => {
      assertMay(c, ['sysSystemSettingsGet'])
      await next()
    })
  })
  addRoutes(router, apiRoutes(o))
  everything.route('/', router)
  for (const { path, handle } of healthRoutes(o)) everything.get(path, handle)
  // What stands above asks who one is, or must always be answered.
  everything.use(limitAddress(o.rates))
  for (const { path, handle } of pageRoutes(o)) everything.get(path, handle)
  addHomePage(everything, o.facts)
}

/** Everything below `/api`. */
export function apiRoutes(o: AdminOptions): readonly ApiRoute[] {
  const { management } = o
  const openApi = () =>
    openApiDocument({
      management,
      routes,
      plain: [...healthRoutes(o), ...pageRoutes(o)],
      version: o.facts().version,
    })
  const routes: readonly ApiRoute[] = [
    ...principalRoutes(o),
    ...objectRoutes(o),
    ...classicSettingsRoutes(o),
    ...selfServiceRoutes({ management, issuer: () => o.facts().hostName }),
    accountPermissionsRoute(o),
    dnsLookupRoute(o),
    dnsRecordsRoute(o),
    ...dkimRoutes(o),
    pushKeyRoute(o),
    ...queueMessageRoutes(o),
    ...queueStatusRoutes(o),
    ...reportRoutes(management),
    troubleshootRoute(o),
    troubleshootDmarcRoute(o),
    doctorRoute(o),
    recountRoute(o),
    ...searchIndexRoutes(o),
    ...serverRoutes(o, openApi),
  ]
  return routes
}

const uncached = { 'Cache-Control': 'no-store' }

/** Health is for supervisors and load balancers, which have no password; the reason is for administrators only. */
const healthRoutes = (o: AdminOptions): readonly PlainRoute[] => [
  {
    path: '/metrics',
    summary: 'Metrics, in the text format of Prometheus',
    type: 'text/plain',
    handle: async (c) => {
      const { text, contentType } = await o.metrics()
      return c.body(text, 200, { 'Content-Type': contentType, ...uncached })
    },
  },
  {
    path: '/healthz/live',
    summary: 'Whether the server runs',
    type: 'text/plain',
    open: true,
    handle: (c) => c.text('live\n', 200, uncached),
  },
  {
    path: '/healthz/ready',
    summary: 'Whether the server can do its work',
    type: 'text/plain',
    open: true,
    handle: (c) => ready(o, c),
  },
]

const pageRoutes = (o: AdminOptions): readonly PlainRoute[] => [mtaStsPage(o), ...autoconfigPages(o)]

async function ready(o: AdminOptions, c: Context<HttpEnv>): Promise<Response> {
  const why = await o.notReady()
  if (why === undefined) return c.text('ready\n', 200, uncached)
  return c.text(c.env.client.isLocal ? `not ready: ${why}\n` : 'not ready\n', 503, uncached)
}
