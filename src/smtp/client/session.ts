/**
 * One session with another server: greeting, EHLO, TLS, sign-in; then any number of messages.
 *
 * What must always hold: a name and password are sent only under TLS whose certificate was judged as the route
 * asks; after STARTTLS everything learned before is forgotten (RFC 3207 §4.2).
 */
import type { Relay } from '#queue/transport.ts'
import { type ClientConnection, type ClientTls, ConnectionTrouble, isYes } from './client-connection.ts'
import { replyText, type ServerReply } from './reply-reader.ts'

/** What the server offers, by the keyword in upper case, with its parameters. */
export type Offers = ReadonlyMap<string, string>

interface SessionTimeouts {
  readonly greetingMs: number
  readonly ehloMs: number
  readonly tlsMs: number
}

export interface SessionOptions {
  /** The server's name: for its certificate and for people. */
  readonly host: string
  readonly ip: string
  readonly ehloName: string
  readonly protocol: 'smtp' | 'lmtp'
  readonly startTls: 'optional' | 'require' | 'disable'
  readonly timeouts: SessionTimeouts
  /** Of a route that has them. */
  readonly relay?: Relay
  /** Hears of each answer, and of TLS when it is there. */
  readonly heard?: (step: string, said: ServerReply | ClientTls) => void
}

/** The server answered, and will have nothing to do with us. */
export class ServerRefusal extends Error {
  readonly step: string
  readonly reply: ServerReply
  constructor(step: string, reply: ServerReply) {
    super(replyText(reply))
    this.step = step
    this.reply = reply
  }
}

/** Mail for another server has come back to this one (RFC 5321 §5.1). */
export class OurselvesFault extends Error {}

/** TLS was offered and does not work: without it another connection may do. */
export class TlsTrouble extends ConnectionTrouble {}

const quitMs = 5000

export class ClientSession {
  readonly host: string
  readonly ip: string
  readonly connection: ClientConnection
  readonly protocol: 'smtp' | 'lmtp'
  offers: Offers = new Map()
  /** Messages that were sent over it. */
  messages = 0

  private constructor(o: SessionOptions, connection: ClientConnection) {
    this.host = o.host
    this.ip = o.ip
    this.protocol = o.protocol
    this.connection = connection
  }

  /** Ready for MAIL. Where it throws, the connection is gone. */
  static async begin(connection: ClientConnection, o: SessionOptions): Promise<ClientSession> {
    const session = new ClientSession(o, connection)
    try {
      await session.#begin(o)
      return session
    } catch (error) {
      connection.destroy()
      throw error
    }
  }

  get tls(): ClientTls | undefined {
    return this.connection.tls
  }

  /** A command and its reply. */
  async ask(line: string, step: string, timeoutMs: number): Promise<ServerReply> {
    this.connection.send(line)
    return this.connection.reply(step, timeoutMs)
  }

  /** Says goodbye. RFC 5321 §4.1.1.10: the answer is awaited, but nobody else waits for it. */
  quit(): void {
    const { connection } = this
    const end = (): void => connection.destroy()
    connection.send('QUIT')
    void connection.reply('QUIT', quitMs).then(end, end)
  }

  async #begin(o: SessionOptions): Promise<void> {
    const { connection } = this
    const { relay, timeouts } = o
    if (relay?.implicitTls === true) await this.#secure(o)
    const greeting = await connection.reply('greeting', timeouts.greetingMs)
    o.heard?.('greeting', greeting)
    if (!isYes(greeting, 'greeting')) throw new ServerRefusal('greeting', greeting)
    await this.#hello(o)
    if (connection.tls === undefined && o.startTls !== 'disable') {
      if (this.offers.has('STARTTLS')) await this.#startTls(o)
      else if (o.startTls === 'require')
        throw new ConnectionTrouble('EHLO', 'the server has no TLS, and mail may not go without')
    }
    if (relay?.username !== undefined && relay.secret !== undefined)
      await this.#signIn(relay.username, relay.secret(), timeouts.ehloMs)
  }

  async #hello(o: SessionOptions): Promise<void> {
    const verb = o.protocol === 'lmtp' ? 'LHLO' : 'EHLO'
    const reply = await this.ask(`${verb} ${o.ehloName}`, verb, o.timeouts.ehloMs)
    o.heard?.(verb, reply)
    if (isYes(reply, verb)) {
      const [name = '', ...lines] = reply.lines
      if (name.split(' ')[0]!.toLowerCase() === o.ehloName.toLowerCase()) throw new OurselvesFault()
      this.offers = new Map(
        lines.map((line) => {
          const [keyword = '', ...rest] = line.split(' ')
          return [keyword.toUpperCase(), rest.join(' ')]
        }),
      )
      return
    }
    // RFC 5321 §3.2: a server that does not know EHLO may know HELO.
    if (reply.code < 500 || o.protocol === 'lmtp') throw new ServerRefusal(verb, reply)
    const simple = await this.ask(`HELO ${o.ehloName}`, 'HELO', o.timeouts.ehloMs)
    o.heard?.('HELO', simple)
    if (!isYes(simple, 'HELO')) throw new ServerRefusal('HELO', simple)
    this.offers = new Map()
  }

  async #startTls(o: SessionOptions): Promise<void> {
    const reply = await this.ask('STARTTLS', 'STARTTLS', o.timeouts.ehloMs)
    o.heard?.('STARTTLS', reply)
    if (!isYes(reply, 'STARTTLS')) {
      if (o.startTls === 'require') throw new ServerRefusal('STARTTLS', reply)
      return
    }
    await this.#secure(o)
    await this.#hello(o)
  }

  async #secure(o: SessionOptions): Promise<void> {
    // RFC 7435 §3: between servers an unknown certificate is better than none. A route names whom it trusts.
    const allowInvalid = o.relay === undefined ? true : o.relay.allowInvalidCerts
    try {
      await this.connection.startTls({ servername: o.host, allowInvalid, timeoutMs: o.timeouts.tlsMs })
    } catch (error) {
      if (!(error instanceof ConnectionTrouble)) throw error
      throw new TlsTrouble(error.step, error.message, error.cause)
    }
    if (this.connection.tls !== undefined) o.heard?.('TLS', this.connection.tls)
  }

  /** PLAIN (RFC 4616), or LOGIN for servers that have nothing else. */
  async #signIn(username: string, password: string, timeoutMs: number): Promise<void> {
    if (this.connection.tls === undefined)
      throw new ConnectionTrouble('AUTH', 'the server has no TLS, and a password may not go without')
    const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64')
    const mechanisms = (this.offers.get('AUTH') ?? '').toUpperCase().split(' ')
    let reply: ServerReply
    if (mechanisms.includes('PLAIN') || !mechanisms.includes('LOGIN')) {
      reply = await this.ask(`AUTH PLAIN ${base64(`\0${username}\0${password}`)}`, 'AUTH PLAIN', timeoutMs)
    } else {
      reply = await this.ask('AUTH LOGIN', 'AUTH LOGIN', timeoutMs)
      for (const word of [username, password]) {
        if (reply.code === 334) reply = await this.ask(base64(word), 'AUTH LOGIN', timeoutMs)
      }
    }
    if (reply.code !== 235) throw new ServerRefusal('AUTH', reply)
  }
}

/** How the connection is secured, for people and logs. */
export const tlsText = (tls: ClientTls): string =>
  `${tls.version} ${tls.cipher} ${tls.verified === true ? 'verified' : `not verified: ${tls.verified}`}`
