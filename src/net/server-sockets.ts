/** The listening sockets of a listener: opened all or none, exchanged while connections live. */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { Endpoint } from './connection.ts'

export interface Bind {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
}

export interface SocketOptions {
  /** Of the listener, for messages. */
  readonly name: string
  readonly backlog: number
  /** Lets several workers listen on the same port. */
  readonly reusePort: boolean
  readonly accept: (socket: Socket) => void
  readonly onError: (error: Error) => void
}

interface Open {
  readonly bind: Bind
  readonly server: Server
}

export class ServerSockets {
  readonly #o: SocketOptions
  #open: readonly Open[] = []

  constructor(o: SocketOptions) {
    this.#o = o
  }

  /** In the order of the binds. */
  get endpoints(): readonly Endpoint[] {
    return this.#open.map(({ server }) => {
      const address = server.address() as AddressInfo
      return { ip: address.address, port: address.port }
    })
  }

  /**
   * Listens on these addresses and no others; those that were open stay so. What is no longer wanted is closed
   * first, since `0.0.0.0` and `127.0.0.1` cannot both have a port. Where an address cannot be had, throws with
   * it and the cause in its message, and everything is as it was.
   */
  async listen(binds: readonly Bind[]): Promise<void> {
    const before = this.#open
    const kept = before.filter((one) => binds.some((bind) => isSame(bind, one.bind)))
    const gone = before.filter((one) => !kept.includes(one))
    for (const { server } of gone) server.close()
    const added: Open[] = []
    try {
      for (const bind of binds) {
        if (!kept.some((one) => isSame(bind, one.bind)))
          added.push({ bind, server: await this.#listen(bind) })
      }
    } catch (error) {
      for (const { server } of added) server.close()
      this.#open = [...kept, ...(await this.#again(gone))]
      throw error
    }
    this.#open = binds.map((bind) => [...kept, ...added].find((one) => isSame(bind, one.bind))!)
  }

  /** Takes no new connections; those that were accepted are not touched. */
  close(): void {
    for (const { server } of this.#open) server.close()
    this.#open = []
  }

  /** Opens what was closed for others that cannot be had. */
  async #again(gone: readonly Open[]): Promise<readonly Open[]> {
    const opened = await Promise.allSettled(gone.map(({ bind }) => this.#listen(bind)))
    return gone.flatMap(({ bind }, i) => {
      const one = opened[i]!
      if (one.status === 'fulfilled') return [{ bind, server: one.value }]
      this.#o.onError(one.reason as Error)
      return []
    })
  }

  async #listen(bind: Bind): Promise<Server> {
    const { name, backlog, reusePort, accept, onError } = this.#o
    const server = createServer({ allowHalfOpen: true, noDelay: true }, accept)
    await new Promise<void>((resolve, reject) => {
      server.once('listening', resolve)
      server.once('error', (cause: NodeJS.ErrnoException) => {
        const why = cause.code === 'EADDRINUSE' ? 'the address is in use' : cause.message
        reject(new Error(`${name} cannot listen on ${bind.host}:${bind.port}: ${why}`, { cause }))
      })
      server.listen({
        host: bind.host,
        port: bind.port,
        backlog,
        exclusive: true,
        reusePort: reusePort && bind.port !== 0,
      })
    })
    server.removeAllListeners('error')
    server.on('error', onError)
    return server
  }
}

const isSame = (a: Bind, b: Bind): boolean => a.host === b.host && a.port === b.port
