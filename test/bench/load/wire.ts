/**
 * A client's connection, as cheap as Node allows: plain ones read into one buffer that all of them share, so
 * the bytes are valid only during the call. No timers: the process that makes the load is ended from outside
 * when a server hangs.
 */
import net from 'node:net'
import tls from 'node:tls'
import type { Endpoint } from '../target.ts'

export interface WireReader {
  onBytes(bytes: Buffer): void
  /** Once, when the connection has ended in whatever way. */
  onEnd(reason: Error): void
}

export class Wire {
  readonly #socket: net.Socket

  private constructor(socket: net.Socket) {
    this.#socket = socket
  }

  static open(endpoint: Endpoint, secure: boolean, reader: WireReader, shared: Buffer): Promise<Wire> {
    return new Promise((resolve, reject) => {
      const { host, port } = endpoint
      const socket = secure
        ? tls.connect({ host, port, rejectUnauthorized: false })
        : net.connect({ host, port, onread: { buffer: shared, callback: takeInto(reader) } })
      if (secure) socket.on('data', (bytes) => reader.onBytes(bytes))
      socket.setNoDelay(true)
      let failure = new Error(`${host}:${port} closed the connection`)
      socket.on('error', (error) => {
        failure = error
      })
      socket.on('close', () => {
        reject(failure)
        reader.onEnd(failure)
      })
      socket.once(secure ? 'secureConnect' : 'connect', () => resolve(new Wire(socket)))
    })
  }

  write(text: string): void {
    this.#socket.write(text, 'latin1')
  }

  /** Sent with one system call. The bytes must stay as they are until the server has answered. */
  writeAll(parts: readonly (string | Uint8Array)[]): void {
    this.#socket.cork()
    for (const part of parts) {
      if (typeof part === 'string') this.#socket.write(part, 'latin1')
      else this.#socket.write(part)
    }
    this.#socket.uncork()
  }

  close(): void {
    this.#socket.destroy()
  }
}

function takeInto(reader: WireReader): (length: number, buffer: Uint8Array) => boolean {
  return (length, buffer) => {
    reader.onBytes((buffer as Buffer).subarray(0, length))
    return true
  }
}

export function sharedReadBuffer(): Buffer {
  return Buffer.allocUnsafeSlow(256 * 1024)
}
