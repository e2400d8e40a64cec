/**
 * Which listeners there are: those of the configuration, or without any the usual ones for one machine, bound
 * to 127.0.0.1 on ports that every user may open. And opening them, where what goes wrong is said in
 * sentences that name the port, the listener and what to do.
 */
import { createServer } from 'node:net'
import type { ListenerFacts, ServiceName } from '#admin/server-facts.ts'
import type { Endpoint } from '#net/connection.ts'
import { Listener, type Protocol, type SocketProtocol } from '#net/listener.ts'
import { networkListener } from '#net/settings.ts'
import type { CertificateSet } from '#net/certificate-set.ts'
import { TlsContexts } from '#net/tls-contexts.ts'
import type { TlsPolicy } from '#net/tls-policy.ts'
import type { Trouble } from '#net/trouble.ts'
import type { Settings } from '#settings/object.ts'
import type { SocketAddress } from '#settings/field.ts'
import { Advice } from './advice.ts'

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

export function planListeners(settings: Settings): ListenerPlans {
  const configured = readListeners(settings)
  if (configured.length === 0) return { plans: usualListeners, warnings: [] }
  const warnings: string[] = []
  const plans = configured.flatMap((wanted): ListenerPlan[] => {
    const service = serviceOf(wanted)
    if (service === undefined) {
      warnings.push(
        `listener "${wanted.id}" is not opened: this release does not speak ${wanted.protocol} yet`,
      )
      return []
    }
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
        ...(wanted.maxConnectionsPerIp === undefined ? {} : { maxPerAddress: wanted.maxConnectionsPerIp }),
        backlog: wanted.socketBacklog,
      },
    ]
  })
  return { plans, warnings }
}

type WantedListener = ReturnType<typeof readListeners>[number]

const readListeners = (settings: Settings) => settings.each(networkListener)

const policyOf = (wanted: WantedListener): TlsPolicy => ({
  disabledVersions: wanted.tlsDisableProtocols,
  disabledSuites: wanted.tlsDisableCipherSuites,
  useClientOrder: !wanted.tlsIgnoreClientOrder,
  ...(wanted.tlsClientCertificates === 'request' && wanted.tlsClientAuthorities !== undefined
    ? { clientAuthorities: wanted.tlsClientAuthorities }
    : {}),
})

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

export interface OpenListener {
  readonly plan: ListenerPlan
  readonly listener: Listener
  readonly endpoints: readonly Endpoint[]
}

/** Opens one. Throws Advice where the port cannot be had. */
async function openListener(
  plan: ListenerPlan,
  o: {
    protocol: Protocol | SocketProtocol
    certificates: CertificateSet
    ticketKeys: Buffer
    reusePort: boolean
    onTrouble: (trouble: Trouble) => void
  },
): Promise<OpenListener> {
  const { id, service: _, bind, useTls, tlsPolicy: policy, ...limits } = plan
  const { certificates, ticketKeys } = o
  const listener = new Listener({
    ...limits,
    name: id,
    bind: bind.map(({ ip, port }) => ({ host: ip, port })),
    protocol: o.protocol,
    ...(useTls ? { tls: new TlsContexts(certificates, { ticketKeys, policy }) } : {}),
    reusePort: o.reusePort,
    onTrouble: o.onTrouble,
  })
  try {
    return { plan, listener, endpoints: await listener.listen() }
  } catch (error) {
    throw adviseOnPort(id, error as Error)
  }
}

/**
 * Throws Advice where somebody else has one of these ports. Needed before several workers share them: sharing
 * would silently share with another server of the same user too.
 */
export async function probePorts(plans: readonly ListenerPlan[]): Promise<void> {
  for (const { id, bind } of plans) {
    for (const { ip, port } of bind) {
      if (port === 0) continue
      const probe = createServer()
      await new Promise<void>((resolve, reject) => {
        probe.once('error', (cause) => reject(adviseOnPort(id, new Error(cause.message, { cause }))))
        probe.listen({ host: ip, port, exclusive: true }, () => probe.close(() => resolve()))
      })
    }
  }
}

function adviseOnPort(id: string, error: Error): Error {
  const { code, address, port } = (error.cause ?? {}) as NodeJS.ErrnoException & {
    address?: string
    port?: number
  }
  const where = `port ${port} on ${address} for the listener "${id}"`
  const another = `give it another one in the configuration (server.listener.${id}, bind)`
  switch (code) {
    case 'EADDRINUSE':
      return new Advice(
        `Cannot open ${where}: another program uses it.\nStop that program, or ${another}, then start again.`,
        { cause: error },
      )
    case 'EACCES':
      return new Advice(
        `Cannot open ${where}: this user may not open ports below 1024.\n` +
          `Start as root or with CAP_NET_BIND_SERVICE, or ${another}, then start again.`,
        { cause: error },
      )
    case 'EADDRNOTAVAIL':
      return new Advice(
        `Cannot open ${where}: this machine does not have that address.\n` +
          `Correct the address in the configuration (server.listener.${id}, bind), then start again.`,
        { cause: error },
      )
    default:
      return error
  }
}

/** What clients need to know, in the order of the plans. */
export const factsOf = (open: readonly OpenListener[]): readonly ListenerFacts[] =>
  open.flatMap(({ plan, endpoints }) =>
    endpoints.map(({ ip, port }) => ({
      service: plan.service,
      ip,
      port,
      security: plan.tlsImplicit ? 'tls' : plan.useTls && plan.service !== 'http' ? 'starttls' : 'none',
    })),
  )

/** Opens all for which there is a protocol, or none: then it throws what `openListener` throws. */
export async function openListeners(
  plans: readonly ListenerPlan[],
  o: {
    protocols: Partial<Readonly<Record<OpenService, Protocol | SocketProtocol>>>
    certificates: CertificateSet
    ticketKeys: Buffer
    reusePort: boolean
    onTrouble: (trouble: Trouble) => void
  },
): Promise<readonly OpenListener[]> {
  const opening = await Promise.allSettled(
    plans.flatMap((plan) => {
      const protocol = o.protocols[plan.service]
      return protocol === undefined ? [] : [openListener(plan, { ...o, protocol })]
    }),
  )
  const open = opening.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const failed = opening.find((one) => one.status === 'rejected')
  if (failed === undefined) return open
  await drainListeners(open, 0)
  throw failed.reason
}

/** Ends all sessions; how many had to be cut off at the deadline. */
export async function drainListeners(open: readonly OpenListener[], deadlineMs: number): Promise<number> {
  const cut = await Promise.all(open.map(({ listener }) => listener.drain(deadlineMs)))
  return cut.reduce((a, b) => a + b, 0)
}
