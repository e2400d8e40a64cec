/**
 * Which listeners there are to be: those of the settings, and where the file and the environment name none also
 * the usual ones for one machine, bound to 127.0.0.1 on ports that every user may open.
 *
 * What the store has of listeners is mended through a listener. So it takes none away: one of the store comes
 * besides the usual ones, or in the place of the one with its id, which is opened after all where that cannot be.
 */
import type { ServiceName } from '#admin/server-facts.ts'
import { httpSettings } from '#http/settings.ts'
import type { IpNetwork } from '#base/ip.ts'
import { networkListener, policyOf } from '#net/settings.ts'
import type { TlsPolicy } from '#net/tls-policy.ts'
import type { SocketAddress } from '#settings/field.ts'
import type { Settings } from '#settings/object.ts'
import { systemSettings } from '../settings.ts'

/** Services that can be opened now. */
export type OpenService = Extract<ServiceName, 'smtp' | 'submission' | 'lmtp' | 'imap' | 'http'>

export interface ListenerPlan {
  readonly id: string
  readonly service: OpenService
  readonly bind: readonly SocketAddress[]
  readonly useTls: boolean
  readonly tlsImplicit: boolean
  readonly tlsPolicy: TlsPolicy
  readonly handshakeTimeoutMs?: number
  readonly maxConnections?: number
  readonly maxPerAddress?: number
  readonly backlog?: number
  readonly proxies?: readonly IpNetwork[]
  readonly proxiesOnly?: boolean
  /** Of the store alone: where it cannot be opened the server runs all the same. */
  readonly isStored?: boolean
  /** What is opened then. */
  readonly instead?: ListenerPlan
}

export interface ListenerPlans {
  readonly plans: readonly ListenerPlan[]
  /** Sentences about what was asked for and cannot be. */
  readonly warnings: readonly string[]
}

const usual = (id: string, service: OpenService, port: number, tlsImplicit = false): ListenerPlan => ({
  id,
  service,
  bind: [{ ip: '127.0.0.1', port }],
  useTls: service !== 'http' || tlsImplicit,
  tlsImplicit,
  tlsPolicy: {},
})

const usualListeners: readonly ListenerPlan[] = [
  usual('smtp', 'smtp', 2525),
  usual('submission', 'submission', 2587),
  usual('submissions', 'submission', 2465, true),
  usual('imap', 'imap', 2143),
  usual('imaps', 'imap', 2993, true),
  usual('http', 'http', 8080),
  usual('https', 'http', 8443, true),
]

/** Where mail programs hand mail in, whatever the listener is called (RFC 6409, RFC 8314). */
const submissionPorts: ReadonlySet<number> = new Set([587, 465, 2587, 2465])

/** The part of the settings that listeners follow from. */
export type ListenerSettings = Pick<Settings, 'get' | 'each' | 'isStored'>

export function planListeners(settings: ListenerSettings): ListenerPlans {
  const configured = settings.each(networkListener)
  const { proxyTrustedNetworks } = settings.get(systemSettings)
  const { useXForwarded } = settings.get(httpSettings)
  const warnings: string[] = []
  if (useXForwarded && proxyTrustedNetworks.length === 0)
    warnings.push(
      'Http.useXForwarded has no effect as long as SystemSettings.proxyTrustedNetworks names no proxy',
    )
  const given = configured.flatMap((wanted): ListenerPlan[] => {
    const service = serviceOf(wanted)
    if (service === undefined) {
      warnings.push(
        `listener "${wanted.id}" is not opened: this release does not speak ${wanted.protocol} yet`,
      )
      return []
    }
    const own = wanted.overrideProxyTrustedNetworks
    // A proxy that tells of its clients in HTTP does so there, and not in front of it as well.
    const isForwarded = service === 'http' && useXForwarded
    const shared = isForwarded ? [] : proxyTrustedNetworks
    // Such a proxy is one client for all of its own.
    const maxPerAddress = wanted.maxConnectionsPerIp ?? (isForwarded ? wanted.maxConnections : undefined)
    return [
      {
        id: wanted.id,
        service,
        bind: wanted.bind,
        useTls: wanted.useTls || wanted.tlsImplicit,
        tlsImplicit: wanted.tlsImplicit,
        tlsPolicy: policyOf(wanted),
        handshakeTimeoutMs: wanted.tlsTimeout,
        maxConnections: wanted.maxConnections,
        ...(maxPerAddress === undefined ? {} : { maxPerAddress }),
        backlog: wanted.socketBacklog,
        proxies: own ?? shared,
        proxiesOnly: own !== undefined && own.length > 0,
        ...(settings.isStored(networkListener, wanted.id) ? { isStored: true } : {}),
      },
    ]
  })
  const hasUsual = configured.every(({ id }) => settings.isStored(networkListener, id))
  return { plans: hasUsual ? besidesUsual(given) : given, warnings }
}

function besidesUsual(stored: readonly ListenerPlan[]): readonly ListenerPlan[] {
  const isUsual = ({ id }: ListenerPlan): boolean => usualListeners.some((one) => one.id === id)
  const usualOrStored = usualListeners.map((instead) => {
    const plan = stored.find(({ id }) => id === instead.id)
    return plan === undefined ? instead : { ...plan, instead }
  })
  return [...usualOrStored, ...stored.filter((plan) => !isUsual(plan))]
}

function serviceOf({
  id,
  protocol,
  bind,
}: {
  readonly id: string
  readonly protocol: string
  readonly bind: readonly SocketAddress[]
}): OpenService | undefined {
  if (protocol === 'smtp') {
    const isSubmission = id.startsWith('submission') || bind.every(({ port }) => submissionPorts.has(port))
    return isSubmission ? 'submission' : 'smtp'
  }
  return protocol === 'lmtp' || protocol === 'imap' || protocol === 'http' ? protocol : undefined
}
