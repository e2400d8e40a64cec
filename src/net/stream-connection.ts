/**
 * The Connection over a socket, or any other duplex stream, plain or TLS. Nothing a peer sends or refuses
 * to read makes it hold more than a fixed amount, and an idle one holds no buffer at all.
 */
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { Fault } from '#base/fault.ts'
import type { Maybe } from '#base/maybe.ts'
import type { Connection, Endpoint, EndReason, LineOptions } from './connection.ts'
import { behindFlush, DeflateStream } from './deflate-stream.ts'
import { InputBuffer, lineTooLong } from './input-buffer.ts'
import { OutputQueue } from './output-queue.ts'
import { acceptTls, type HandshakeOptions, type TlsFacts, tlsFacts } from './tls.ts'

export interface ConnectionOptions {
  readonly listener: string
  readonly peer: Endpoint
  readonly local: Endpoint
  readonly idleTimeoutMs: number
  /** How long a peer may take to read 64 KiB. */
  readonly writeTimeoutMs: number
  /** How long `close` waits for the peer. */
  readonly lingerMs: number
  /** For STARTTLS. */
  readonly handshake: HandshakeOptions | undefined
}

/** Above this much unread input the socket is paused: by bytes, or by chunks where they are tiny. */
const pauseBytes = 64 * 1024
const pauseChunks = 64
/** Queued output above this is sent although input is at hand. */
const sendBytes = 32 * 1024
/** What somebody who was dismissed has begun may take so long to end. */
const dismissedMs = 800
/** An over-long line may go on for this long before the peer is cut off. */
const floodBytes = 4 * 1024 * 1024

export class StreamConnection implements Connection {
  readonly #o: ConnectionOptions
  #stream: Duplex
  readonly #input = new InputBuffer()
  readonly #out: OutputQueue
  #tls: TlsFacts | undefined
  /** What `#stream` is while the client compresses. */
  #deflated: DeflateStream | undefined
  /** Of the last flush after it, as long as that has not come whole. */
  #begunFlush: Buffer | undefined
  /** Wakes the one pending read. */
  #wake: (() => void) | undefined
  #idleTimer: NodeJS.Timeout | undefined
  #idleMs: number
  #inputEnd: EndReason | undefined
  #shuttingDown = false
  #gone = false
  #closing: Promise<void> | undefined
  #onGone: (() => void) | undefined
  #sendDue = false
  #abort: AbortController | undefined

  /** Takes over the stream; `secured` where it is TLS already. */
  constructor(stream: Duplex, o: ConnectionOptions, secured?: TLSSocket) {
    this.#o = o
    this.#stream = stream
    this.#idleMs = o.idleTimeoutMs
    this.#tls = secured === undefined ? undefined : tlsFacts(secured)
    this.#out = new OutputQueue(stream, {
      stallMs: o.writeTimeoutMs,
      onStall: () => this.#leave('stalled'),
    })
    this.#attach()
  }

  get listener(): string {
    return this.#o.listener
  }

  get peer(): Endpoint {
    return this.#o.peer
  }

  get local(): Endpoint {
    return this.#o.local
  }

  get tls(): TlsFacts | undefined {
    return this.#tls
  }

  get canStartTls(): boolean {
    return this.#tls === undefined && this.#o.handshake !== undefined
  }

  get isDeflated(): boolean {
    return this.#deflated !== undefined
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController()
      if (this.#gone) this.#abort.abort()
    }
    return this.#abort.signal
  }

  get ended(): EndReason | undefined {
    return this.#inputEnd ?? (this.#shuttingDown ? 'shutdown' : undefined)
  }

  get buffered(): number {
    return this.#input.bytes
  }

  readLine(maxBytes: number, o?: LineOptions): Maybe<Buffer | undefined> {
    if (this.#shuttingDown && o?.continues !== true) return undefined
    const line = this.#input.takeLine(maxBytes, o?.bareLf === 'accept')
    if (line === undefined) return this.#inputEnd === undefined ? this.#waitForLine(maxBytes, o) : undefined
    if (line === lineTooLong) throw tooLong(maxBytes)
    return line
  }

  read(): Maybe<Buffer | undefined> {
    const chunk = this.#input.takeChunk(Infinity)
    if (chunk !== undefined || this.#inputEnd !== undefined) return chunk
    return this.#waitForChunk(Infinity)
  }

  unread(bytes: Buffer): void {
    this.#input.unread(bytes)
  }

  async *readExact(bytes: number): AsyncGenerator<Buffer, void, void> {
    let left = bytes
    while (left > 0) {
      const chunk = this.#input.takeChunk(left) ?? (await this.#waitForChunk(left))
      if (chunk === undefined) throw this.#endedFault()
      left -= chunk.length
      yield chunk
    }
  }

  write(...chunks: readonly Uint8Array[]): Maybe<void> {
    if (this.#gone || this.#closing !== undefined) throw this.#endedFault()
    for (const chunk of chunks) this.#out.push(chunk)
    if (this.#out.bytes >= sendBytes) this.#out.send()
    else if (this.#wake !== undefined) this.#sendSoon()
    return this.#out.room()
  }

  get unsent(): number {
    return this.#out.unsent
  }

  flush(): Maybe<void> {
    if (this.#gone) throw this.#endedFault()
    return this.#out.flush()
  }

  async startTls(goAhead: Uint8Array): Promise<{ droppedBytes: number }> {
    const handshake = this.#o.handshake
    if (handshake === undefined || this.#tls !== undefined) throw new Error('startTls without canStartTls')
    await this.flush()
    if (this.#gone) throw this.#endedFault()
    // From here to acceptTls nothing may wait: what arrives after goAhead is the handshake.
    const plain = this.#stream
    plain.pause()
    plain.off('data', this.#onData)
    plain.off('end', this.#onEnd)
    let droppedBytes = this.#input.clear()
    for (let late = plain.read() as Buffer | null; late !== null; late = plain.read() as Buffer | null) {
      droppedBytes += late.length
    }
    plain.write(goAhead)
    const { socket, done } = acceptTls(plain, handshake)
    this.#stream = socket
    await done.catch((error: unknown) => {
      this.#leave('lost')
      throw error
    })
    if (this.#gone) throw this.#endedFault()
    plain.off('close', this.#onLost)
    this.#out.retarget(socket)
    this.#tls = tlsFacts(socket)
    this.#attach()
    return { droppedBytes }
  }

  async startDeflate(): Promise<void> {
    if (this.#deflated !== undefined) throw new Error('startDeflate while it is on')
    await this.flush()
    if (this.#gone) throw this.#endedFault()
    // Errors and the close of the stream below go on to be heard.
    this.#stream.off('data', this.#onData)
    this.#stream.off('end', this.#onEnd)
    this.#stream = this.#deflated = new DeflateStream(this.#stream, this.#takeInput())
    this.#stream.on('data', this.#onData)
    this.#stream.on('end', this.#onEnd)
    this.#stream.on('error', this.#onLost)
    this.#out.retarget(this.#stream)
  }

  async stopDeflate(): Promise<void> {
    const deflated = this.#deflated
    if (deflated === undefined) throw new Error('stopDeflate while it is off')
    await this.flush()
    if (this.#gone) throw this.#endedFault()
    deflated.off('data', this.#onData)
    deflated.off('end', this.#onEnd)
    const { lower, begun, rest } = deflated.stop()
    this.#stream = lower
    this.#deflated = undefined
    lower.on('data', this.#onData)
    lower.on('end', this.#onEnd)
    this.#out.retarget(lower)
    this.#begunFlush = begun
    for (const chunk of rest) this.#take(chunk)
  }

  #take(chunk: Buffer): void {
    if (this.#begunFlush === undefined) this.#input.push(chunk)
    else {
      const { rest, begun } = behindFlush(this.#begunFlush, chunk)
      this.#begunFlush = begun
      if (rest.length > 0) this.#input.push(rest)
    }
  }

  #takeInput(): Buffer[] {
    const chunks: Buffer[] = []
    for (let chunk = this.#input.takeChunk(Infinity); chunk; chunk = this.#input.takeChunk(Infinity))
      chunks.push(chunk)
    return chunks
  }

  setIdleTimeout(ms: number): void {
    if (ms === this.#idleMs) return
    this.#idleMs = ms
    clearTimeout(this.#idleTimer)
    this.#idleTimer = undefined
    if (this.#wake !== undefined) this.#armIdleTimer()
  }

  /** The server stops: no further command is read; what was begun goes on. */
  shutdown(): void {
    this.#shuttingDown = true
    this.#wake?.()
  }

  dismiss(): void {
    this.shutdown()
    setTimeout(() => this.destroy(), dismissedMs).unref()
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#finish())
  }

  destroy(): void {
    this.#leave('closed')
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  // ---- input

  async #waitForLine(maxBytes: number, o: LineOptions | undefined): Promise<Buffer | undefined> {
    this.#armIdleTimer()
    for (;;) {
      await this.#moreInput()
      if (this.#shuttingDown && o?.continues !== true) return undefined
      const line = this.#input.takeLine(maxBytes, o?.bareLf === 'accept')
      if (line === lineTooLong) throw tooLong(maxBytes)
      if (line !== undefined) return line
      if (this.#inputEnd !== undefined) return undefined
      if (this.#input.discarded > floodBytes) {
        this.#leave('flood')
        return undefined
      }
    }
  }

  async #waitForChunk(maxBytes: number): Promise<Buffer | undefined> {
    if (this.#inputEnd !== undefined) return undefined
    this.#armIdleTimer()
    for (;;) {
      await this.#moreInput()
      const chunk = this.#input.takeChunk(maxBytes)
      if (chunk !== undefined || this.#inputEnd !== undefined) return chunk
    }
  }

  /** Waits for anything to happen on the input side, with everything sent that the peer may wait for. */
  #moreInput(): Promise<void> {
    if (this.#wake !== undefined) throw new Error('a second read while one is pending')
    this.#out.send()
    if (this.#stream.isPaused()) this.#stream.resume()
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined
        resolve()
      }
    })
  }

  #armIdleTimer(): void {
    if (this.#idleTimer !== undefined) this.#idleTimer.refresh()
    else {
      this.#idleTimer = setTimeout(() => {
        // Not while the session is at work: the next wait starts the time again.
        if (this.#wake !== undefined) this.#endInput('idle')
      }, this.#idleMs)
    }
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#closing !== undefined || this.#inputEnd !== undefined) return
    this.#take(chunk)
    // Not one piece more than is needed is inflated.
    if (this.#deflated !== undefined) this.#stream.pause()
    if (this.#wake !== undefined) this.#wake()
    else if (this.#input.bytes >= pauseBytes || this.#input.chunks >= pauseChunks) this.#stream.pause()
  }

  readonly #onEnd = (): void => this.#endInput(this.#deflated?.isGarbled === true ? 'garbled' : 'peer')

  #endInput(why: EndReason): void {
    this.#inputEnd ??= why
    this.#wake?.()
  }

  // ---- output and the end

  #sendSoon(): void {
    if (this.#sendDue) return
    this.#sendDue = true
    queueMicrotask(() => {
      this.#sendDue = false
      this.#out.send()
    })
  }

  readonly #onLost = (): void => this.#leave('lost')

  #attach(): void {
    const stream = this.#stream
    stream.on('data', this.#onData)
    stream.on('end', this.#onEnd)
    stream.on('error', this.#onLost)
    // How node:tls reports broken records when no tls.Server is involved.
    stream.on('_tlsError', this.#onLost)
    stream.on('close', this.#onLost)
    if (stream.destroyed) this.#leave('lost')
  }

  #leave(why: EndReason): void {
    if (this.#gone) return
    this.#gone = true
    this.#inputEnd ??= why
    clearTimeout(this.#idleTimer)
    this.#input.clear()
    this.#out.stop(() => this.#endedFault())
    this.#stream.destroy()
    this.#abort?.abort()
    this.#wake?.()
    this.#onGone?.()
  }

  async #finish(): Promise<void> {
    if (this.#gone) return
    this.#inputEnd ??= 'closed'
    this.#wake?.()
    try {
      await this.#out.flush()
    } catch {
      return
    }
    // Unread input in the kernel would make the close a reset, which can take our last words with it:
    // so it is read and dropped until the peer ends his side too.
    this.#input.clear()
    this.#stream.end()
    this.#stream.resume()
    const linger = setTimeout(() => this.#leave('closed'), this.#o.lingerMs)
    if (!this.#gone) {
      await new Promise<void>((resolve) => {
        this.#onGone = resolve
      })
    }
    clearTimeout(linger)
  }

  #endedFault(): Fault<'unavailable'> {
    const reason = `connection ended: ${this.ended ?? 'lost'}`
    return new Fault('unavailable', 'Connection ended', {}, { reason })
  }
}

const tooLong = (limit: number): Fault<'tooLarge'> => new Fault('tooLarge', 'Line too long', { limit })
