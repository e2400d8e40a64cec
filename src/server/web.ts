/** The HTTP side: the management API, metrics, health and pages, on the main worker only. */
import { addAdminRoutes, type AdminOptions } from '#admin/api.ts'
import { createRouter } from '#http/router.ts'
import { httpProtocol } from '#http/server.ts'
import type { SocketProtocol } from '#net/listener.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import { httpFailed } from './events.ts'

/** What any request may carry; routes with smaller limits have their own. */
const maxBodyBytes = 1024 * 1024

export function buildWeb(o: AdminOptions & { readonly telemetry: Telemetry }): SocketProtocol {
  const { telemetry } = o
  const router = createRouter({
    maxBodyBytes: () => maxBodyBytes,
    onCrash: (error, { id, method, path }) =>
      telemetry.emit(httpFailed, { error, request: id, path: `${method} ${path}` }),
  })
  addAdminRoutes(router, o)
  return httpProtocol(router, {
    onCrash: (error) => telemetry.emit(httpFailed, { error, request: '', path: '' }),
  })
}
