/** Listeners beside the usual ones that wait a second for a TLS handshake, so that tests of time-outs are short. */
import { type AddressInfo, createServer } from 'node:net'

export interface ImpatientPorts {
  readonly smtp: number
  readonly submissions: number
  readonly imaps: number
  readonly https: number
}

export async function impatientListeners(): Promise<{
  readonly config: string
  readonly ports: ImpatientPorts
}> {
  const ports = {
    smtp: await freePort(),
    submissions: await freePort(),
    imaps: await freePort(),
    https: await freePort(),
  }
  const sections = [
    ['smtp', 'smtp', false],
    ['submissions', 'smtp', true],
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

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
