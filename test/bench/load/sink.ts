/**
 * Where outbound mail ends: an SMTP server that takes every message at once, keeps none, and tells when each was
 * first offered. It answers as the usual servers do (RFC 2920, RFC 1870, RFC 6152, RFC 3030), and reads no more
 * of what it gets than it must, since it runs beside those who send.
 */
import { createServer, type Server, type Socket } from 'node:net'
import { outboundAddress, outboundDestinations } from '../target.ts'

const hello = '250-sink.example\r\n250-PIPELINING\r\n250-SIZE 104857600\r\n250-8BITMIME\r\n250 CHUNKING\r\n'
const endOfData = Buffer.from('\r\n.\r\n')
const none = Buffer.alloc(0)

export interface SinkListener {
  /** A recipient was named; `number` is the one in the address. */
  offered(number: number): void
  /** A message was taken. */
  taken(): void
}

export class Sink {
  readonly #servers: readonly Server[]
  readonly #sockets = new Set<Socket>()

  private constructor(servers: readonly Server[], listener: SinkListener) {
    this.#servers = servers
    for (const server of servers) server.on('connection', (socket) => this.#serve(socket, listener))
  }

  /** Listens at the address of every destination. */
  static async open(port: number, listener: SinkListener): Promise<Sink> {
    const servers = Array.from({ length: outboundDestinations }, () => createServer({ noDelay: true }))
    const sink = new Sink(servers, listener)
    for (const [at, server] of servers.entries())
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(port, outboundAddress(at + 1), resolve)
      })
    return sink
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy()
    for (const server of this.#servers) server.close()
  }

  #serve(socket: Socket, listener: SinkListener): void {
    this.#sockets.add(socket)
    const session = new SinkSession(listener)
    socket.on('error', () => undefined)
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('data', (piece) => {
      const answers = session.hear(piece)
      if (answers !== '') socket.write(answers, 'latin1')
      if (session.isOver) socket.end()
    })
    socket.write('220 sink.example ESMTP\r\n')
  }
}

class SinkSession {
  readonly #listener: SinkListener
  /** What could not be understood yet. */
  #rest: Buffer = none
  /** Inside a message: bytes left of a chunk, or until the line with the dot. */
  #inside: number | 'data' | undefined
  isOver = false

  constructor(listener: SinkListener) {
    this.#listener = listener
  }

  /** What is to be answered to all of it, in one piece. */
  hear(piece: Buffer): string {
    let bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece])
    let answers = ''
    for (;;) {
      const taken = this.#inside === undefined ? bytes.indexOf(0x0a) + 1 : this.#content(bytes)
      if (taken === 0) break
      if (this.#inside === undefined) answers += this.#command(bytes.toString('latin1', 0, taken))
      else if (this.#inside === 'data' || this.#inside === taken) {
        this.#inside = undefined
        this.#listener.taken()
        answers += '250 2.0.0 taken\r\n'
      } else this.#inside -= taken
      bytes = bytes.subarray(taken)
    }
    this.#rest = bytes.length === 0 ? none : bytes
    return answers
  }

  /** How much of a message is there: of data all or nothing. */
  #content(bytes: Buffer): number {
    if (typeof this.#inside === 'number') return Math.min(this.#inside, bytes.length)
    const end = bytes.indexOf(endOfData)
    return end < 0 ? 0 : end + endOfData.length
  }

  #command(line: string): string {
    switch (line.slice(0, 4).toUpperCase()) {
      case 'EHLO':
        return hello
      case 'RCPT':
        this.#listener.offered(Number(/<r(\d+)@/.exec(line)?.[1] ?? 0))
        return '250 2.1.5 ok\r\n'
      case 'DATA':
        this.#inside = 'data'
        return '354 go on\r\n'
      case 'BDAT':
        this.#inside = Number(line.split(' ')[1])
        return ''
      case 'QUIT':
        this.isOver = true
        return '221 2.0.0 bye\r\n'
      default:
        return '250 2.0.0 ok\r\n'
    }
  }
}
