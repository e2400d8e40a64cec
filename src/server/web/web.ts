/**
 * The HTTP side: JMAP, and on the main worker the management API, metrics, health and pages, for which further workers
 * ask it.
 */
import { addJmapRoutes, type JmapOptions } from '#jmap/api.ts'
import { addAdminRoutes, type AdminOptions } from '#admin/api.ts'
import { createRouter, type HttpContext, type Router } from '#http/router.ts'
import { httpProtocol } from '#http/server.ts'
import { httpSettings } from '#http/settings.ts'
import type { SocketProtocol } from '#net/protocol.ts'
import type { Settings } from '#settings/object.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import { httpFailed } from '../events.ts'
import { systemSettings } from '../settings.ts'

/** What any request may carry; routes with smaller limits have their own. */
const maxBodyBytes = 1024 * 1024

/** How long browsers insist on TLS: a year. */
const hstsSeconds = 31_536_000

interface SharedOptions {
  readonly telemetry: Telemetry
  readonly settings: Settings
  readonly jmap: Omit<JmapOptions, 'publicUrl' | 'permitsOtherSites'>
}

export type WebOptions = AdminOptions & SharedOptions

/** Of the main worker: the protocol of its listeners, and what others ask for. */
export function buildWeb(o: WebOptions): { readonly http: SocketProtocol; readonly router: Router } {
  const router = newRouter(o)
  addJmap(router, o)
  addAdminRoutes(router, o)
  return { http: protocolOf(router, o), router }
}

/** Of another one, which serves JMAP itself. */
export function buildWorkerWeb(
  o: SharedOptions & { readonly everythingElse: (c: HttpContext) => Promise<Response> },
): SocketProtocol {
  const router = newRouter(o)
  addJmap(router, o)
  router.all('*', o.everythingElse)
  return protocolOf(router, o)
}

function newRouter({ telemetry, settings }: SharedOptions): Router {
  return createRouter({
    // JMAP has limits of its own, which it tells its clients.
    maxBodyBytes: (path) => (path.startsWith('/jmap') ? Number.POSITIVE_INFINITY : maxBodyBytes),
    hstsSeconds: () => (settings.get(httpSettings).enableHsts ? hstsSeconds : 0),
    onCrash: (error, { id, method, path }) =>
      telemetry.emit(httpFailed, { error, request: id, path: `${method} ${path}` }),
  })
}

function addJmap(router: Router, { settings, jmap }: SharedOptions): void {
  addJmapRoutes(router, {
    ...jmap,
    publicUrl: () => settings.get(httpSettings).publicUrl,
    permitsOtherSites: () => settings.get(httpSettings).usePermissiveCors,
  })
}

function protocolOf(router: Router, { telemetry, settings }: SharedOptions): SocketProtocol {
  return httpProtocol(router, {
    trustedNetworks: () =>
      settings.get(httpSettings).useXForwarded ? settings.get(systemSettings).proxyTrustedNetworks : [],
    onCrash: (error) => telemetry.emit(httpFailed, { error, request: '', path: '' }),
  })
}
