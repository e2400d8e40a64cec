/** A session with a server, as the settings of outgoing connections say it. */
import type { Relay } from '#queue/transport.ts'
import type { Settings } from '#settings/object.ts'
import { ClientConnection } from './client-connection.ts'
import { ClientSession, type SessionOptions } from './session.ts'
import { mtaConnection } from './settings.ts'

export interface Server {
  readonly host: string
  readonly ip: string
  readonly port: number
}

/** Throws ConnectionTrouble, ServerRefusal and OurselvesFault; then there is no connection. */
export async function openSession(
  deps: { readonly settings: Settings; readonly hostname: () => string },
  server: Server,
  o: {
    readonly relay: Relay | undefined
    readonly startTls: SessionOptions['startTls']
    readonly signal: AbortSignal
    /** Nothing is waited for longer, whatever the settings say. */
    readonly longestMs?: number
    /** Called when the connection is there. */
    readonly connected?: () => void
    readonly heard?: NonNullable<SessionOptions['heard']>
  },
): Promise<ClientSession> {
  const settings = deps.settings.get(mtaConnection)
  const { relay, startTls, longestMs = Infinity } = o
  const isV6 = server.ip.includes(':')
  const sources = settings.sourceIps.filter((ip): ip is string => ip?.includes(':') === isV6)
  const sourceIp = sources[Math.floor(Math.random() * sources.length)]
  const connection = await ClientConnection.open({
    ip: server.ip,
    port: server.port,
    timeoutMs: Math.min(settings.connectTimeout, longestMs),
    signal: o.signal,
    ...(sourceIp === undefined ? {} : { sourceIp }),
  })
  o.connected?.()
  return ClientSession.begin(connection, {
    host: server.host,
    ip: server.ip,
    ehloName: settings.ehloHostname ?? deps.hostname(),
    protocol: relay?.protocol ?? 'smtp',
    startTls,
    timeouts: {
      greetingMs: Math.min(settings.greetingTimeout, longestMs),
      ehloMs: Math.min(settings.ehloTimeout, longestMs),
      tlsMs: Math.min(settings.tlsTimeout, longestMs),
    },
    ...(relay === undefined ? {} : { relay }),
    ...(o.heard === undefined ? {} : { heard: o.heard }),
  })
}
