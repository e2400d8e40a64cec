/**
 * A mail server that keeps nothing but counts: who got which message how often, and in which life of the server
 * under test. It takes its time before it answers a message, and sometimes says no for now.
 *
 * What must hold: a message whose end has come counts from the moment when it is taken, whether or not anybody
 * is left to hear the answer, as with any other server.
 */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import type { Random } from '../harness/random.ts'

export interface Copy {
  readonly messageId: string
  readonly life: number
}

export class CountingSink implements AsyncDisposable {
  /** By recipient. */
  readonly copies = new Map<string, Copy[]>()
  /** Counted up by the test at each start of the server. */
  life = 0
  /** How often it said no for now. */
  refusals = 0
  readonly #server: Server
  readonly #random: Random
  readonly #sockets = new Set<Socket>()

  private constructor(random: Random) {
    this.#random = random
    this.#server = createServer((socket) => {
      this.#sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => this.#sockets.delete(socket))
      const session = new SinkSession(this, random, (line) => void socket.write(`${line}\r\n`), this.life)
      socket.on('data', (piece) => session.hear(piece.toString('latin1')))
      socket.write('220 sink.example ESMTP\r\n')
    })
  }

  static async start(random: Random): Promise<CountingSink> {
    const sink = new CountingSink(random)
    sink.#server.listen(0, '127.0.0.1')
    await once(sink.#server, 'listening')
    return sink
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** In a moment: no for now, or it is taken. */
  decide(messageId: string, recipients: readonly string[], life: number, say: (line: string) => void): void {
    const refuses = this.#random.chance(0.1)
    setTimeout(() => {
      if (refuses) {
        this.refusals++
        say('451 4.3.0 not now')
        return
      }
      for (const recipient of recipients) {
        const known = this.copies.get(recipient) ?? []
        this.copies.set(recipient, [...known, { messageId, life }])
      }
      say('250 2.0.0 taken')
    }, this.#random.below(40))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

class SinkSession {
  readonly #sink: CountingSink
  readonly #random: Random
  readonly #say: (line: string) => void
  readonly #life: number
  #buffered = ''
  #recipients: string[] = []
  #isData = false

  constructor(sink: CountingSink, random: Random, say: (line: string) => void, life: number) {
    this.#sink = sink
    this.#random = random
    this.#say = say
    this.#life = life
  }

  hear(text: string): void {
    this.#buffered += text
    for (;;) {
      const mark = this.#isData ? '\r\n.\r\n' : '\r\n'
      const end = this.#buffered.indexOf(mark)
      if (end < 0) return
      const unit = this.#buffered.slice(0, end)
      this.#buffered = this.#buffered.slice(end + mark.length)
      if (this.#isData) this.#message(unit)
      else this.#command(unit)
    }
  }

  #message(text: string): void {
    const messageId = /^Message-ID: (\S+)/im.exec(text)?.[1] ?? ''
    this.#isData = false
    this.#sink.decide(messageId, this.#recipients, this.#life, this.#say)
    this.#recipients = []
  }

  #command(line: string): void {
    const verb = line.slice(0, 4).toUpperCase()
    if (verb === 'EHLO') this.#say('250-sink.example\r\n250-PIPELINING\r\n250 8BITMIME')
    else if (verb === 'RCPT') this.#rcpt(line.slice(9, -1))
    else if (verb === 'DATA') {
      this.#isData = this.#recipients.length > 0
      this.#say(this.#isData ? '354 go on' : '554 no recipients')
    } else {
      if (verb === 'MAIL' || verb === 'RSET') this.#recipients = []
      this.#say('250 ok')
    }
  }

  #rcpt(address: string): void {
    const refuses = this.#random.chance(0.1)
    if (refuses) this.#sink.refusals++
    else this.#recipients.push(address)
    this.#say(refuses ? '450 4.2.0 not now' : '250 ok')
  }
}
