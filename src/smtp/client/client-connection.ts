/**
 * A connection that we make: commands out, replies in, TLS when the server has it. Everything waits for a
 * limited time; what goes wrong is a ConnectionTrouble that says at which step.
 */
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { SyntaxFault } from '#base/fault.ts'
import { Deadline } from './deadline.ts'
import { ReplyReader, replyText, type ServerReply } from './reply-reader.ts'

/** The connection is of no use any more. */
export class ConnectionTrouble extends Error {
  /** What was going on: `connect`, `greeting`, `STARTTLS`, `MAIL FROM:<...>`. */
  readonly step: string
  constructor(step: string, said: string, cause?: unknown) {
    super(said, cause === undefined ? undefined : { cause })
    this.step = step
  }
}

/**
 * RFC 5321 §4.2: what a reply means is told by its first digit. `wanted`: 2 where the command is to be done, 3 where
 * more is to follow. False: refused. A server that mixes these up is out of step: throws ConnectionTrouble.
 */
export function isYes(reply: ServerReply, step: string, wanted: 2 | 3 = 2): boolean {
  const digit = Math.floor(reply.code / 100)
  if (digit === wanted) return true
  if (digit >= 4) return false
  throw new ConnectionTrouble(step, `the server is out of step, it said: ${replyText(reply)}`)
}

/** More than this that nobody asked for is not kept. */
const mostPending = 1024 * 1024

export interface ConnectOptions {
  readonly ip: string
  readonly port: number
  /** An address of this machine to come from. */
  readonly sourceIp?: string
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

export interface TlsOptions {
  /** The name that the certificate is to have. */
  readonly servername: string
  readonly allowInvalid: boolean
  readonly timeoutMs: number
}

export interface ClientTls {
  readonly version: string
  readonly cipher: string
  /** Whether the certificate is good for the name; why not otherwise. */
  readonly verified: true | string
}

export class ClientConnection {
  #socket: Socket | TLSSocket
  readonly #signal: AbortSignal
  #replies = new ReplyReader()
  #tls: ClientTls | undefined
  #ended: string | undefined
  /** A reply was there before the command was that it would have been taken to answer; nothing is sent any more. */
  #isEarly = false
  #wake: (() => void) | undefined

  private constructor(socket: Socket, signal: AbortSignal) {
    this.#socket = socket
    this.#signal = signal
    this.#attach(socket)
  }

  static async open(o: ConnectOptions): Promise<ClientConnection> {
    const socket = connectTcp({
      host: o.ip,
      port: o.port,
      noDelay: true,
      ...(o.sourceIp === undefined ? {} : { localAddress: o.sourceIp }),
    })
    const connection = new ClientConnection(socket, o.signal)
    await connection.#event('connect', 'connect', o.timeoutMs)
    return connection
  }

  get tls(): ClientTls | undefined {
    return this.#tls
  }

  get isOpen(): boolean {
    return this.#ended === undefined && !this.#socket.destroyed
  }

  /** TLS from now on. What came in clear is dropped (RFC 3207 §4.2). */
  async startTls(o: TlsOptions): Promise<void> {
    const plain = this.#socket
    plain.removeAllListeners('data')
    plain.removeAllListeners('end')
    plain.removeAllListeners('close')
    this.#replies = new ReplyReader()
    const isName = !/^[\d.]+$|:/.test(o.servername)
    const secured = connectTls({
      socket: plain,
      ...(isName ? { servername: o.servername } : {}),
      // Whether it is good is looked at below: mail goes by TLS that nobody vouches for rather than in clear.
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
    })
    this.#socket = secured
    this.#attach(secured)
    await this.#event('secureConnect', 'TLS handshake', o.timeoutMs)
    const why = secured.authorizationError as Error | string | undefined
    const verified = secured.authorized
      ? true
      : why === undefined
        ? 'no certificate'
        : why instanceof Error
          ? why.message
          : why
    if (verified !== true && !o.allowInvalid) {
      this.destroy()
      throw new ConnectionTrouble('TLS handshake', `the certificate is not good: ${verified}`)
    }
    this.#tls = {
      version: secured.getProtocol() ?? 'TLS',
      cipher: secured.getCipher().standardName,
      verified,
    }
  }

  /** Sends lines, each with CRLF. None may hold a line end: a command could become two. */
  send(...lines: readonly string[]): void {
    for (const line of lines) if (/[\r\n\0]/.test(line)) throw new Error('a command with a line end')
    this.#isEarly ||= this.#replies.pending > 0
    if (this.isOpen && !this.#isEarly) this.#socket.write(lines.map((line) => `${line}\r\n`).join(''))
  }

  /** Sends bytes; settled when the peer keeps up. */
  async write(bytes: Uint8Array, step: string, timeoutMs: number, lingerMs = 0): Promise<void> {
    if (!this.isOpen) throw this.#lost(step)
    if (!this.#socket.write(bytes)) await this.#event('drain', step, timeoutMs, lingerMs)
  }

  /** The next reply. When all is to end, it is still awaited for `lingerMs`. */
  async reply(step: string, timeoutMs: number, lingerMs = 0): Promise<ServerReply> {
    using deadline = this.#deadline(timeoutMs, lingerMs)
    for (;;) {
      let found: ServerReply | undefined
      try {
        found = this.#replies.next()
      } catch (error) {
        if (!(error instanceof SyntaxFault)) throw error
        this.destroy()
        throw new ConnectionTrouble(step, `the server does not speak SMTP: ${error.message}`)
      }
      if (found !== undefined) return this.#inStep(found, step)
      if (!this.isOpen) throw this.#lost(step)
      if (deadline.ended === undefined) await new Promise<void>((resolve) => (this.#wake = resolve))
      this.#wake = undefined
      this.#check(step, deadline)
    }
  }

  /** Throws where the server answers what it has not heard yet. */
  expectQuiet(step: string): void {
    if (this.#replies.pending > 0) throw new ConnectionTrouble(step, tooEarly)
  }

  /** A reply that has come already, also when the connection is gone. */
  buffered(): ServerReply | undefined {
    try {
      return this.#replies.next()
    } catch {
      return undefined
    }
  }

  /** Nothing has come that nobody asked for: the connection can be used for another message. */
  get isQuiet(): boolean {
    return this.isOpen && this.#replies.pending === 0
  }

  destroy(): void {
    this.#ended ??= 'closed'
    this.#socket.destroy()
  }

  #attach(socket: Socket): void {
    socket.on('data', (piece: Buffer) => {
      this.#replies.push(piece)
      if (this.#replies.pending > mostPending) {
        this.#ended ??= 'the server talks without end'
        socket.destroy()
      }
      this.#wake?.()
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#ended ??= said(error)
      this.#wake?.()
    })
    socket.on('end', () => {
      this.#ended ??= 'the server closed the connection'
      socket.destroy()
      this.#wake?.()
    })
    socket.on('close', () => {
      this.#ended ??= 'the connection was lost'
      this.#wake?.()
    })
  }

  /** RFC 5321 §3.8: that it ends the session a server may say at any time. */
  #inStep(reply: ServerReply, step: string): ServerReply {
    if (!this.#isEarly || reply.code === 421) return reply
    this.destroy()
    throw new ConnectionTrouble(step, `${tooEarly}: ${replyText(reply)}`)
  }

  #deadline(timeoutMs: number, lingerMs: number): Deadline {
    return new Deadline({ timeoutMs, signal: this.#signal, lingerMs, onEnd: () => this.#wake?.() })
  }

  async #event(
    name: 'connect' | 'secureConnect' | 'drain',
    step: string,
    timeoutMs: number,
    lingerMs = 0,
  ): Promise<void> {
    using deadline = this.#deadline(timeoutMs, lingerMs)
    const socket = this.#socket
    let done = (): void => {}
    await new Promise<void>((resolve) => {
      done = resolve
      socket.once(name, done)
      this.#wake = () => {
        if (this.#ended !== undefined || deadline.ended !== undefined) resolve()
      }
      this.#wake()
    })
    socket.off(name, done)
    this.#wake = undefined
    this.#check(step, deadline)
    if (!this.isOpen) throw this.#lost(step)
  }

  #check(step: string, { ended }: Deadline): void {
    if (ended === undefined) return
    this.destroy()
    if (ended === 'stopped') throw this.#signal.reason
    throw new ConnectionTrouble(step, 'the server did not answer in time')
  }

  #lost(step: string): ConnectionTrouble {
    return new ConnectionTrouble(step, this.#ended ?? 'the connection was lost')
  }
}

const tooEarly = 'the server answered before it was asked'

const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the server reset the connection',
  ETIMEDOUT: 'connection timed out',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  EADDRNOTAVAIL: 'the address to come from is not one of this machine',
  EPIPE: 'the server closed the connection',
}

const said = (error: NodeJS.ErrnoException): string => words[error.code ?? ''] ?? error.message
