/**
 * Ports for a server that is about to start. Between being found free and being opened a port may be taken by
 * anybody: by a client's connection, if it is one of those that the kernel gives to them, or by another test
 * that looks at the same moment. So they come from below the kernel's range, in blocks, and a block's first
 * port stays open as long as the others are in use: who cannot open it looks elsewhere.
 */
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'

/** Below 32768, where Linux begins to number clients, and above the ports of well-known programs. */
const firstBlock = 12_000
const blocks = 1000
const blockSize = 20

export interface FreePorts extends AsyncDisposable {
  readonly ports: readonly number[]
}

/** Up to 19 ports of this machine's loopback, kept from other tests until they are given back. */
export async function freePorts(count: number): Promise<FreePorts> {
  if (count >= blockSize) throw new Error(`a block has ${blockSize - 1} ports`)
  const start = Math.floor(Math.random() * blocks)
  for (let i = 0; i < blocks; i++) {
    const first = firstBlock + ((start + i) % blocks) * blockSize
    const guard = await open(first)
    if (guard === undefined) continue
    const ports = Array.from({ length: count }, (_, n) => first + 1 + n)
    const probes = await Promise.all(ports.map(open))
    const opened = probes.filter((probe) => probe !== undefined)
    await Promise.all(opened.map(close))
    if (opened.length === count) {
      guard.unref()
      return { ports, [Symbol.asyncDispose]: () => close(guard) }
    }
    await close(guard)
  }
  throw new Error('no free ports')
}

/** undefined where the port is in use. */
async function open(port: number): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy())
  try {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return server
  } catch {
    return undefined
  }
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
  })
}
