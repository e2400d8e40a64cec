/** A mail server of others, on an address of the loopback of its own, that says what it is told to say. */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'

/** `last`: after it, or after nothing where it is empty, nothing is said any more; `isDeaf`: nor read. */
export interface Last {
  readonly last: string
  readonly isDeaf?: true
}

/**
 * What is said to a line; undefined: `250 ok`. The line is empty for the greeting, and `.` for a whole message.
 * `count`: how often that line has come. `connection`: its number, from 1.
 */
export type Answers = (line: string, count: number, connection: number) => string | Last | undefined

export class OtherServer implements AsyncDisposable {
  /** What it has taken. */
  readonly messages: string[] = []
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #asked = new Map<string, number>()
  readonly #answers: Answers
  #connections = 0

  private constructor(answers: Answers) {
    this.#answers = answers
    this.#server = createServer((socket) => this.#serve(socket, ++this.#connections))
  }

  static async start(host: string, port: number, answers: Answers = () => undefined): Promise<OtherServer> {
    const other = new OtherServer(answers)
    other.#server.listen(port, host)
    await once(other.#server, 'listening')
    return other
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Connections that nobody has closed; those that are not read from are looked at for this. */
  get open(): number {
    for (const socket of this.#sockets) socket.resume()
    return this.#sockets.size
  }

  /** How often it has taken a message with this subject. */
  count(subject: string): number {
    return this.messages.filter((one) => one.includes(`Subject: ${subject}\r\n`)).length
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #serve(socket: Socket, connection: number): void {
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('error', () => undefined)
    let isSilent = false
    let isData = false
    let buffered = ''
    /** Of a message, what came before `buffered`. */
    let parts: string[] = []
    const say = (answer: string | Last): void => {
      const text = typeof answer === 'string' ? answer : answer.last
      if (text !== '') socket.write(Buffer.from(`${text}\r\n`, 'latin1'))
      if (typeof answer === 'string') return
      isSilent = true
      if (answer.isDeaf === true) socket.pause()
    }
    socket.on('data', (piece) => {
      buffered += piece.toString('latin1')
      while (!isSilent) {
        const mark = isData ? '\r\n.\r\n' : '\r\n'
        const end = buffered.indexOf(mark)
        if (end < 0) {
          if (isData) parts.push(buffered.slice(0, -mark.length))
          if (isData) buffered = buffered.slice(-mark.length)
          return
        }
        const unit = [...parts, buffered.slice(0, end)].join('')
        parts = []
        buffered = buffered.slice(end + mark.length)
        const line = isData ? '.' : unit
        const count = (this.#asked.get(line) ?? 0) + 1
        this.#asked.set(line, count)
        const answer = this.#answers(line, count, connection)
        if (isData && answer === undefined) this.messages.push(unit)
        isData = line === 'DATA'
        say(answer ?? (isData ? '354 go on' : '250 ok'))
      }
    })
    say(this.#answers('', 0, connection) ?? '220 other.example ESMTP')
  }
}
