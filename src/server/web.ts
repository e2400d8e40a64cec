/** The HTTP side: JMAP, the management API, metrics, health and pages, on the main worker only. */
import { addJmapRoutes, type JmapOptions } from '#jmap/api.ts'
import { addAdminRoutes, type AdminOptions } from '#admin/api.ts'
import { createRouter } from '#http/router.ts'
import { httpProtocol } from '#http/server.ts'
import { httpSettings } from '#http/settings.ts'
import type { SocketProtocol } from '#net/listener.ts'
import type { Settings } from '#settings/object.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import { httpFailed } from './events.ts'
import { systemSettings } from './settings.ts'

/** What any request may carry; routes with smaller limits have their own. */
const maxBodyBytes = 1024 * 1024

/** How long browsers insist on TLS: a year. */
const hstsSeconds = 31_536_000

export interface WebOptions extends AdminOptions {
  readonly telemetry: Telemetry
  readonly settings: Settings
  readonly jmap: Omit<JmapOptions, 'publicUrl' | 'permitsOtherSites'>
}

export function buildWeb(o: WebOptions): SocketProtocol {
  const { telemetry, settings } = o
  const router = createRouter({
    // JMAP has limits of its own, which it tells its clients.
    maxBodyBytes: (path) => (path.startsWith('/jmap') ? Number.POSITIVE_INFINITY : maxBodyBytes),
    hstsSeconds: () => (settings.get(httpSettings).enableHsts ? hstsSeconds : 0),
    onCrash: (error, { id, method, path }) =>
      telemetry.emit(httpFailed, { error, request: id, path: `${method} ${path}` }),
  })
  addAdminRoutes(router, o)
  addJmapRoutes(router, {
    ...o.jmap,
    publicUrl: () => settings.get(httpSettings).publicUrl,
    permitsOtherSites: () => settings.get(httpSettings).usePermissiveCors,
  })
  return httpProtocol(router, {
    trustedNetworks: () =>
      settings.get(httpSettings).useXForwarded ? settings.get(systemSettings).proxyTrustedNetworks : [],
    onCrash: (error) => telemetry.emit(httpFailed, { error, request: '', path: '' }),
  })
}
