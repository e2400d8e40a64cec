/** Listeners beside the usual ones that wait a second for a TLS handshake, so that tests of time-outs are short. */
import { freePorts } from '../../harness/free-ports.ts'

export interface ImpatientPorts {
  readonly smtp: number
  readonly imaps: number
  readonly https: number
}

export async function impatientListeners(): Promise<{
  readonly config: string
  readonly ports: ImpatientPorts
}> {
  // Kept until this process ends.
  const [smtp, imaps, https] = (await freePorts(3)).ports as [number, number, number]
  const ports = { smtp, imaps, https }
  const sections = [
    ['smtp', 'smtp', false],
    ['imaps', 'imap', true],
    ['https', 'http', true],
  ] as const
  const config = sections.map(
    ([name, protocol, tlsImplicit]) => `
[server.listener.${name}-impatient]
bind = "127.0.0.1:${ports[name]}"
protocol = "${protocol}"
tls.implicit = ${tlsImplicit}
tls.timeout = "1s"
`,
  )
  return { config: config.join(''), ports }
}
