/**
 * One HTTP/1.1 connection that is kept, for requests one after the other. It does no more than the bench needs, so
 * that what is measured is the server: Node's own client takes as much CPU for a short answer as Postern does.
 */
import { connect, type Socket } from 'node:net'
import type { Endpoint } from '../target.ts'

export interface HttpAnswer {
  readonly status: number
  /** Of the Location field. */
  readonly location: string | undefined
  readonly text: string
}

const endOfHead = Buffer.from('\r\n\r\n')

export class HttpConnection {
  readonly #host: string
  readonly #socket: Socket
  #received: Buffer[] = []
  #waiting: { resolve: (answer: HttpAnswer) => void; reject: (error: Error) => void } | undefined

  constructor({ host, port }: Endpoint) {
    this.#host = `${host}:${port}`
    this.#socket = connect({ host, port, noDelay: true })
    this.#socket.on('data', (chunk: Buffer) => this.#take(chunk))
    this.#socket.on('error', (error) => this.#fail(error))
    this.#socket.on('close', () => this.#fail(new Error('the server closed the connection')))
  }

  /** The one before must have been answered. */
  send(method: string, path: string, fields: string, body?: Buffer): Promise<HttpAnswer> {
    const length = body === undefined ? '' : `Content-Length: ${body.length}\r\n`
    const head = `${method} ${path} HTTP/1.1\r\nHost: ${this.#host}\r\n${fields}${length}\r\n`
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
      if (this.#socket.destroyed) this.#fail(new Error('the connection is closed'))
      this.#socket.write(body === undefined ? head : Buffer.concat([Buffer.from(head), body]))
    })
  }

  close(): void {
    this.#waiting = undefined
    this.#socket.destroy()
  }

  #take(chunk: Buffer): void {
    this.#received.push(chunk)
    const answer = wholeAnswer(this.#received)
    if (answer === undefined) return
    this.#received = []
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.resolve(answer)
  }

  #fail(error: Error): void {
    this.#waiting?.reject(error)
    this.#waiting = undefined
  }
}

/** Undefined where some of it is still to come. */
function wholeAnswer(received: Buffer[]): HttpAnswer | undefined {
  const first = received[0]!
  const headEnd = first.indexOf(endOfHead)
  if (headEnd === -1) {
    if (received.length > 1) received.splice(0, received.length, Buffer.concat(received))
    return received[0] === first ? undefined : wholeAnswer(received)
  }
  const head = first.toString('latin1', 0, headEnd)
  const start = headEnd + endOfHead.length
  const length = fieldOf(head, 'Content-Length')
  const got = received.reduce((sum, { length: bytes }) => sum + bytes, 0) - start
  if (length !== undefined && got < Number(length)) return undefined
  const bytes = (received.length === 1 ? first : Buffer.concat(received)).subarray(start)
  const body = length === undefined ? unchunked(bytes) : bytes.subarray(0, Number(length))
  return (
    body && { status: Number(head.slice(9, 12)), location: fieldOf(head, 'Location'), text: body.toString() }
  )
}

const fieldOf = (head: string, name: string): string | undefined =>
  new RegExp(`\r\n${name}: *([^\r]*)`, 'i').exec(head)?.[1]

/** RFC 9112 §7.1. Undefined where the last chunk is not there. */
function unchunked(bytes: Buffer): Buffer | undefined {
  const pieces: Buffer[] = []
  for (let at = 0; ;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd === -1) return undefined
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16)
    at = lineEnd + 2 + size + 2
    if (at > bytes.length) return undefined
    if (size === 0) return Buffer.concat(pieces)
    pieces.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size))
  }
}
