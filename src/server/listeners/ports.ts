/** Whether ports can be had, and what to do where they cannot, in sentences that name port and listener. */
import { createServer } from 'node:net'
import type { SocketAddress } from '#settings/field.ts'
import { Advice } from '../terminal/advice.ts'

export interface WantedPorts {
  /** Of the listener. */
  readonly id: string
  readonly bind: readonly SocketAddress[]
  /** It is changed by `postern`, and not in the configuration file. */
  readonly isStored?: boolean
}

/**
 * Throws Advice where somebody else has one of these ports. Needed before several workers share them: sharing
 * would silently share with another server of the same user too.
 */
export async function probePorts(wanted: readonly WantedPorts[]): Promise<void> {
  for (const listener of wanted) {
    for (const { ip, port } of listener.bind) {
      if (port === 0) continue
      const probe = createServer()
      await new Promise<void>((resolve, reject) => {
        probe.once('error', (cause) => reject(adviseOnPort(listener, new Error(cause.message, { cause }))))
        probe.listen({ host: ip, port, exclusive: true }, () => probe.close(() => resolve()))
      })
    }
  }
}

export function adviseOnPort(
  { id, isStored = false }: Pick<WantedPorts, 'id' | 'isStored'>,
  error: Error,
): Error {
  const { code, address, port } = (error.cause ?? {}) as NodeJS.ErrnoException & {
    address?: string
    port?: number
  }
  const where = `port ${port} on ${address} for the listener "${id}"`
  const command = `postern update NetworkListener ${id} bind=ADDRESS:PORT`
  const another = isStored
    ? `give this listener another one: ${command}`
    : `give this listener another one in a configuration file (server.listener.${id}, bind; docs/configuration.md has an example), then start again`
  const correct = isStored ? command : `the configuration (server.listener.${id}, bind), then start again`
  switch (code) {
    case 'EADDRINUSE':
      return new Advice(`Cannot open ${where}: another program uses it.\nStop that program, or ${another}.`, {
        cause: error,
      })
    case 'EACCES':
      return new Advice(
        `Cannot open ${where}: this user may not open ports below 1024.\n` +
          `Let it, as docs/operation.md does (AmbientCapabilities=CAP_NET_BIND_SERVICE in a systemd unit), or ${another}.`,
        { cause: error },
      )
    case 'EADDRNOTAVAIL':
      return new Advice(
        `Cannot open ${where}: this machine does not have that address.\n` +
          `Correct the address: ${correct}.`,
        { cause: error },
      )
    default:
      return error
  }
}
