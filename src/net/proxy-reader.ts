/**
 * Takes the header of the PROXY protocol off a socket, and nothing behind it: what follows may be TLS, which
 * reads the socket itself.
 */
import type { Socket } from 'node:net'
import { Fault, SyntaxFault } from '#base/fault.ts'
import { type ProxyHeader, readProxyHeader } from './proxy-protocol.ts'

/** Throws Fault `unavailable`, with the socket gone, where no header comes in time. */
export async function takeProxyHeader(socket: Socket, timeoutMs: number): Promise<ProxyHeader['ends']> {
  try {
    return await waitForHeader(socket, timeoutMs)
  } catch (error) {
    socket.destroy()
    throw error
  }
}

function waitForHeader(socket: Socket, timeoutMs: number): Promise<ProxyHeader['ends']> {
  return new Promise((resolve, reject) => {
    const finish = (end: () => void): void => {
      clearTimeout(timer)
      socket.off('readable', onReadable)
      socket.off('close', onClose)
      end()
    }
    const fail = (reason: string): void =>
      finish(() =>
        reject(new Fault('unavailable', 'No PROXY header', {}, { reason: `PROXY header: ${reason}` })),
      )
    let bytes = Buffer.alloc(0)
    const onReadable = (): void => {
      // A chunk at a time, so that no more is held than a header and what came with its end.
      for (
        let chunk = socket.read() as Buffer | null;
        chunk !== null;
        chunk = socket.read() as Buffer | null
      ) {
        bytes = Buffer.concat([bytes, chunk])
        try {
          const header = readProxyHeader(bytes)
          if (header === undefined) continue
          finish(() => {
            if (header.length < bytes.length) socket.unshift(bytes.subarray(header.length))
            resolve(header.ends)
          })
        } catch (error) {
          if (!(error instanceof SyntaxFault)) throw error
          fail(error.message)
        }
        return
      }
      if (socket.readableEnded) fail('connection closed')
    }
    const onClose = (): void => fail('connection closed')
    const timer = setTimeout(() => fail('timed out'), timeoutMs)
    socket.on('readable', onReadable)
    socket.once('close', onClose)
  })
}
