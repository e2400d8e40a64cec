/** Where JMAP is, for those who come by other ways. */
import { httpSettings } from '#http/settings.ts'
import { type ListenerSettings, planListeners } from '../listeners/listener-plans.ts'
import { systemSettings } from '../settings.ts'

/** RFC 8620 §2.2: over TLS, behind the proxy that the administrator named or at a listener of our own. */
export function jmapUrl(settings: ListenerSettings): string | undefined {
  const { publicUrl } = settings.get(httpSettings)
  if (publicUrl !== undefined) return `${publicUrl}/.well-known/jmap`
  const { plans } = planListeners(settings)
  const ports = plans
    .filter(({ service, tlsImplicit }) => service === 'http' && tlsImplicit)
    .flatMap(({ bind }) => bind.map(({ port }) => port))
  const port = ports.includes(443) ? 443 : ports[0]
  if (port === undefined || port === 0) return undefined
  const host = settings.get(systemSettings).defaultHostname
  return `https://${host}${port === 443 ? '' : `:${port}`}/.well-known/jmap`
}
