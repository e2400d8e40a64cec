/**
 * The client's side of a line protocol as a script: say this, expect that. Works over a real socket or one
 * end of an in-memory pair. A failed expectation shows the whole conversation so far. Text is Latin-1, so
 * every byte shows as one character.
 */
import assert from 'node:assert/strict'
import { connect as connectTcp } from 'node:net'
import { Duplex } from 'node:stream'
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { constants, createDeflateRaw, createInflateRaw } from 'node:zlib'

/** A guard against tests that hang; no test depends on how long it is. */
const hangMs = 120_000

export interface ConnectOptions {
  readonly host?: string
  /** Implicit TLS; certificates are not checked unless this says so. */
  readonly tls?: ConnectionOptions | true
}

type Expected = string | RegExp

export class Conversation implements AsyncDisposable {
  #stream: Duplex
  /** What is below DEFLATE. */
  #plain: Duplex | undefined
  #input: Buffer = Buffer.alloc(0)
  #ended = false
  #error: Error | undefined
  #wake: (() => void) | undefined
  readonly #transcript: string[] = []

  constructor(stream: Duplex) {
    this.#stream = stream
    this.#attach()
  }

  static async connect(port: number, o: ConnectOptions = {}): Promise<Conversation> {
    const host = o.host ?? '127.0.0.1'
    if (o.tls === undefined) {
      const socket = connectTcp({ port, host, noDelay: true, allowHalfOpen: true })
      await settled(socket, 'connect')
      return new Conversation(socket)
    }
    const socket = connectTls({ port, host, ...tlsClient(o.tls) })
    await settled(socket, 'secureConnect')
    return new Conversation(socket)
  }

  get stream(): Duplex {
    return this.#stream
  }

  /** Everything said so far, for failures. */
  get transcript(): string {
    return this.#transcript.join('\n')
  }

  /** Sends lines, each with CRLF, in one write. */
  send(...lines: readonly string[]): void {
    for (const line of lines) this.#transcript.push(`C: ${line}`)
    this.#stream.write(lines.map((line) => `${line}\r\n`).join(''), 'latin1')
  }

  /** Sends bytes as they are. */
  sendRaw(bytes: string | Uint8Array): void {
    const buffer = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes
    this.#transcript.push(`C> ${shorten(Buffer.from(buffer).toString('latin1'))}`)
    this.#stream.write(buffer)
  }

  /** The next line without its line end. Fails at the end of the connection. */
  async line(): Promise<string> {
    for (;;) {
      const lf = this.#input.indexOf(0x0a)
      if (lf !== -1) {
        const line = this.#input.toString('latin1', 0, lf).replace(/\r$/, '')
        this.#input = this.#input.subarray(lf + 1)
        this.#transcript.push(`S: ${line}`)
        return line
      }
      await this.#more('a line')
    }
  }

  /** Exactly so many bytes. */
  async bytes(count: number): Promise<Buffer> {
    while (this.#input.length < count) await this.#more(`${count} bytes`)
    const bytes = this.#input.subarray(0, count)
    this.#input = this.#input.subarray(count)
    this.#transcript.push(`S> ${shorten(bytes.toString('latin1'))}`)
    return bytes
  }

  /** The next line must begin with the text, or match. Returns it. */
  async expect(expected: Expected): Promise<string> {
    const line = await this.line()
    if (!matches(line, expected)) this.#fail(`expected ${show(expected)}, got ${JSON.stringify(line)}`)
    return line
  }

  /** The next lines, in order. */
  async expectLines(expected: readonly Expected[]): Promise<string[]> {
    const lines: string[] = []
    for (const each of expected) lines.push(await this.expect(each))
    return lines
  }

  /** Lines up to and including the first that begins with the text, or matches. */
  async until(expected: Expected): Promise<string[]> {
    const lines: string[] = []
    for (;;) {
      const line = await this.line()
      lines.push(line)
      if (matches(line, expected)) return lines
    }
  }

  /** Sends one line and expects one. */
  async ask(line: string, expected: Expected): Promise<string> {
    this.send(line)
    return this.expect(expected)
  }

  /** The server must end the connection, with nothing more to say. */
  async expectEnd(): Promise<void> {
    while (!this.#ended) await this.#more(undefined)
    if (this.#input.length > 0) this.#fail(`expected the end, got ${show(this.#input.toString('latin1'))}`)
  }

  /** The client's handshake over this connection; what was not read before must be nothing. */
  async upgradeTls(o: ConnectionOptions | true = true): Promise<TLSSocket> {
    assert.equal(this.#input.length, 0, `input left before TLS\n${this.transcript}`)
    const plain = this.#detached()
    const socket = connectTls({ socket: plain, ...tlsClient(o) })
    await settled(socket, 'secureConnect')
    this.#transcript.push('-- TLS')
    this.#stream = socket
    this.#attach()
    return socket
  }

  /** From here on both sides compress with DEFLATE; what was not read before must be nothing. */
  startDeflate(): void {
    assert.equal(this.#input.length, 0, `input left before DEFLATE\n${this.transcript}`)
    const plain = this.#detached()
    const flush = constants.Z_SYNC_FLUSH
    const deflate = createDeflateRaw({ flush })
    const inflate = createInflateRaw({ flush })
    deflate.pipe(plain)
    plain.pipe(inflate)
    this.#transcript.push('-- DEFLATE')
    this.#plain = plain
    this.#stream = Duplex.from({ writable: deflate, readable: inflate })
    this.#attach()
  }

  /** The other way round. */
  stopDeflate(): void {
    assert.ok(this.#plain !== undefined)
    this.#detached()
    this.#plain.unpipe()
    this.#transcript.push('-- no DEFLATE')
    this.#stream = this.#plain
    this.#attach()
    this.#stream.resume()
  }

  #detached(): Duplex {
    const stream = this.#stream
    stream.pause()
    stream.removeAllListeners('data')
    stream.removeAllListeners('end')
    return stream
  }

  /** Ends our side; the server's answers can still be read. */
  end(): void {
    this.#transcript.push('C: (end)')
    this.#stream.end()
  }

  /** Cuts the connection. */
  destroy(): void {
    this.#stream.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.destroy()
  }

  #attach(): void {
    const over = (): void => {
      this.#ended = true
      this.#wake?.()
    }
    this.#stream.on('data', (chunk: Buffer) => {
      this.#input = this.#input.length === 0 ? chunk : Buffer.concat([this.#input, chunk])
      this.#wake?.()
    })
    this.#stream.on('end', over)
    this.#stream.on('close', over)
    this.#stream.on('error', (error) => {
      this.#error = error
    })
  }

  /** Waits for more input. `wanted` undefined: the end is welcome. */
  async #more(wanted: string | undefined): Promise<void> {
    if (this.#ended && wanted !== undefined) {
      const error = this.#error === undefined ? '' : ` (${this.#error.message})`
      const rest = this.#input.length === 0 ? '' : `, after ${show(this.#input.toString('latin1'))}`
      this.#fail(`expected ${wanted}, but the connection ended${rest}${error}`)
    }
    const inTime = await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), hangMs)
      this.#wake = () => {
        clearTimeout(timer)
        resolve(true)
      }
    })
    this.#wake = undefined
    if (!inTime) this.#fail(`expected ${wanted ?? 'the end'}, but nothing came`)
  }

  #fail(message: string): never {
    assert.fail(`${message}\n${this.transcript}`)
  }
}

const matches = (line: string, expected: Expected): boolean =>
  typeof expected === 'string' ? line.startsWith(expected) : expected.test(line)

const show = (expected: Expected): string =>
  typeof expected === 'string' ? JSON.stringify(shorten(expected)) : String(expected)

const shorten = (text: string): string =>
  text.length <= 200 ? text : `${text.slice(0, 200)}… (${text.length})`

const tlsClient = (o: ConnectionOptions | true): ConnectionOptions => ({
  rejectUnauthorized: false,
  ...(o === true ? {} : o),
})

/** Settled by the event, or rejected by an error. */
async function settled(stream: Duplex, event: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    stream.once('error', reject)
    stream.once('close', () => reject(new Error(`closed before ${event}`)))
    stream.once(event, () => {
      stream.off('error', reject)
      resolve()
    })
  })
}
