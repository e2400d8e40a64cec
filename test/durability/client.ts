/**
 * The load's clients for SMTP and IMAP: one thing at a time, everything that is read is kept only until it is
 * understood. A connection that ends, as it does when the server is killed, rejects with `ConnectionEnded`.
 */
import net from 'node:net'

export class ConnectionEnded extends Error {
  constructor() {
    super('the server ended the connection')
    this.name = 'ConnectionEnded'
  }
}

class Wire {
  readonly #socket: net.Socket
  #chunks: Buffer[] = []
  #bytes = 0
  #ended = false
  #wake = (): void => {}

  private constructor(socket: net.Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk) => {
      this.#chunks.push(chunk)
      this.#bytes += chunk.length
      this.#wake()
    })
    const end = (): void => {
      this.#ended = true
      this.#wake()
    }
    socket.on('error', end)
    socket.on('close', end)
  }

  static open(port: number): Promise<Wire> {
    return new Promise((resolve, reject) => {
      const socket = net.connect({ host: '127.0.0.1', port })
      socket.once('error', () => reject(new ConnectionEnded()))
      socket.once('connect', () => resolve(new Wire(socket)))
    })
  }

  send(...parts: readonly (string | Uint8Array)[]): void {
    this.#socket.write(
      Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part))),
    )
  }

  /** Everything that was sent has left this process. */
  flushed(): Promise<void> {
    return new Promise((resolve) => this.#socket.write('', () => resolve()))
  }

  /** Without its line end. */
  async line(): Promise<string> {
    for (let seen = 0; ;) {
      const at = this.#findLine(seen)
      if (at >= 0) return (await this.bytes(at + 2)).toString('latin1', 0, at)
      seen = this.#bytes
      await this.#more()
    }
  }

  async bytes(count: number): Promise<Buffer> {
    while (this.#bytes < count) await this.#more()
    const all = this.#join()
    this.#chunks = [all.subarray(count)]
    this.#bytes -= count
    return all.subarray(0, count)
  }

  close(): void {
    this.#socket.destroy()
  }

  #findLine(seen: number): number {
    return this.#bytes > seen ? this.#join().indexOf('\r\n', Math.max(0, seen - 1), 'latin1') : -1
  }

  #join(): Buffer {
    if (this.#chunks.length !== 1) this.#chunks = [Buffer.concat(this.#chunks)]
    return this.#chunks[0]!
  }

  #more(): Promise<void> {
    if (this.#ended) return Promise.reject(new ConnectionEnded())
    const before = this.#bytes
    return new Promise((resolve, reject) => {
      this.#wake = () => {
        if (this.#bytes > before) resolve()
        else if (this.#ended) reject(new ConnectionEnded())
      }
    })
  }
}

export interface SmtpAnswer {
  readonly code: number
  readonly text: string
}

export class SmtpClient {
  readonly #wire: Wire

  private constructor(wire: Wire) {
    this.#wire = wire
  }

  static async open(port: number): Promise<SmtpClient> {
    const client = new SmtpClient(await Wire.open(port))
    await client.#answer(220)
    client.#wire.send('EHLO load.sender.example\r\n')
    await client.#answer(250)
    return client
  }

  /** Hands a message over; the answer to the end of its data, or to whatever was refused before. */
  async deliver(recipients: readonly string[], message: Uint8Array): Promise<SmtpAnswer> {
    return (await this.prepare(recipients)) ?? this.finish(message)
  }

  /** Everything up to the server's 354; its answer where there is none. */
  async prepare(recipients: readonly string[]): Promise<SmtpAnswer | undefined> {
    const rcpts = recipients.map((to) => `RCPT TO:<${to}>\r\n`).join('')
    this.#wire.send(`MAIL FROM:<load@sender.example>\r\n${rcpts}DATA\r\n`)
    const answers: SmtpAnswer[] = []
    for (let i = 0; i < recipients.length + 2; i++) answers.push(await this.#answer())
    const last = answers.at(-1)!
    if (last.code === 354 && answers.slice(0, -1).every(({ code }) => code === 250)) return undefined
    if (last.code === 354) throw new Error(`354 after ${answers[0]!.text}, ${answers[1]!.text}`)
    this.#wire.send('RSET\r\n')
    await this.#answer(250)
    return answers.find(({ code }) => code !== 250)
  }

  finish(message: Uint8Array): Promise<SmtpAnswer> {
    // No line of the load's messages begins with a dot.
    this.#wire.send(message, '.\r\n')
    return this.#answer()
  }

  flushed(): Promise<void> {
    return this.#wire.flushed()
  }

  close(): void {
    this.#wire.close()
  }

  async #answer(expected?: number): Promise<SmtpAnswer> {
    for (;;) {
      const line = await this.#wire.line()
      if (line[3] === '-') continue
      const code = Number(line.slice(0, 3))
      if (expected !== undefined && code !== expected) throw new Error(`expected ${expected}, got ${line}`)
      return { code, text: line.slice(4) }
    }
  }
}

/** One untagged response: its text, with `{}` where a literal stood, and the literals. */
export interface ImapResponse {
  readonly text: string
  readonly literals: readonly Buffer[]
}

export interface ImapAnswer {
  readonly tag: string
  readonly status: string
  readonly text: string
  readonly untagged: readonly ImapResponse[]
}

export class ImapClient {
  readonly #wire: Wire
  readonly #tagPrefix: string
  #tags = 0

  private constructor(wire: Wire, tagPrefix: string) {
    this.#wire = wire
    this.#tagPrefix = tagPrefix
  }

  /** `tagPrefix` makes tags unique among all connections of a test. */
  static async open(
    port: number,
    o: { user: string; password: string; tagPrefix: string },
  ): Promise<ImapClient> {
    const client = new ImapClient(await Wire.open(port), o.tagPrefix)
    await client.#response()
    const { status, text } = await client.command(`LOGIN "${o.user}" "${o.password}"`)
    if (status !== 'OK') throw new Error(`LOGIN: ${status} ${text}`)
    return client
  }

  nextTag(): string {
    return `${this.#tagPrefix}${++this.#tags}x`
  }

  async command(text: string, literal?: Uint8Array, tag = this.nextTag()): Promise<ImapAnswer> {
    if (literal === undefined) this.#wire.send(`${tag} ${text}\r\n`)
    else this.#wire.send(`${tag} ${text} {${literal.length}+}\r\n`, literal, '\r\n')
    const untagged: ImapResponse[] = []
    for (;;) {
      const response = await this.#response()
      if (!response.text.startsWith(`${tag} `)) {
        untagged.push(response)
        continue
      }
      const [status = '', ...words] = response.text.slice(tag.length + 1).split(' ')
      return { tag, status, text: words.join(' '), untagged }
    }
  }

  /** Stays in IDLE and reads whatever comes, until the connection ends. */
  async idle(): Promise<never> {
    this.#wire.send(`${this.nextTag()} IDLE\r\n`)
    for (;;) await this.#response()
  }

  close(): void {
    this.#wire.close()
  }

  async #response(): Promise<ImapResponse> {
    let text = ''
    const literals: Buffer[] = []
    for (;;) {
      const line = await this.#wire.line()
      const literal = /\{(\d+)\}$/.exec(line)
      if (literal === null) return { text: text + line, literals }
      literals.push(await this.#wire.bytes(Number(literal[1])))
      text += `${line.slice(0, literal.index)}{}`
    }
  }
}
