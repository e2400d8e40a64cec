/**
 * Debian's OpenDKIM and OpenDMARC, unpacked, as milters of a mail server: the one signs and verifies, the other
 * finds SPF out by itself and refuses what fails DMARC. They ask the name server at an address.
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Program } from './debian-packages.ts'
import { nameOf } from './peers/peer.ts'
import { Root } from './root.ts'

export interface MilterSetup {
  readonly port: number
  readonly domain: string
  readonly nameServer: string
}

/** What comes in by the service of this name is signed; all else is verified. */
export const signingService = 'ORIGINATING'

/** By itself, each spares what comes from this machine. */
const nobody = { '/etc/nobody': '192.0.2.255\n' }

/** `privateKey` in PEM. */
export const startOpenDkim = (
  { port, domain, nameServer }: MilterSetup,
  key: { readonly selector: string; readonly privateKey: string },
): Promise<Root> =>
  start('opendkim', port, {
    ...nobody,
    '/etc/key.pem': key.privateKey,
    '/etc/unbound.conf': 'server:\n  do-not-query-localhost: no\n',
    '/etc/opendkim.conf': `
Mode sv
Syslog no
Socket inet:${port}@127.0.0.1
Nameservers ${nameServer}
ResolverConfiguration /etc/unbound.conf
AuthservID ${nameOf(domain)}
Domain ${domain}
Selector ${key.selector}
KeyFile /etc/key.pem
MTA ${signingService}
InternalHosts /etc/nobody
Canonicalization relaxed/relaxed
`,
  })

export const startOpenDmarc = ({ port, domain, nameServer }: MilterSetup): Promise<Root> =>
  start('opendmarc', port, {
    ...nobody,
    '/etc/resolv.conf': `nameserver ${nameServer}\n`,
    '/etc/opendmarc.conf': `
Syslog no
Socket inet:${port}@127.0.0.1
AuthservID ${nameOf(domain)}
TrustedAuthservIDs ${nameOf(domain)}
IgnoreHosts /etc/nobody
SPFSelfValidate yes
RejectFailures yes
`,
  })

const options = { opendkim: '-x', opendmarc: '-c' } as const satisfies Partial<Record<Program, string>>

async function start(
  program: keyof typeof options,
  port: number,
  files: Readonly<Record<string, string>>,
): Promise<Root> {
  await using stack = new AsyncDisposableStack()
  const root = stack.use(new Root(program, {}))
  for (const [path, text] of Object.entries(files)) root.write(path, text, { mode: 0o600 })
  // It looks every five seconds whether it was asked to end, and keeps nothing.
  root.start(['-f', options[program], `/etc/${program}.conf`], 'SIGKILL')
  await listens(port, root)
  stack.move()
  return root
}

/** A milter says nothing before it is spoken to. */
async function listens(port: number, root: Root): Promise<void> {
  for (let tries = 0; tries < 1200; tries++) {
    const socket = connect({ port, host: '127.0.0.1' })
    try {
      await once(socket, 'connect')
      return
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50))
    } finally {
      socket.destroy()
    }
  }
  throw new Error(`nobody answers at ${port}:\n${root.output}`)
}
