/**
 * A name server for tests, on UDP and TCP of the loopback, that answers as a recursive one: it follows
 * aliases, and says NXDOMAIN or nothing with an SOA where there is nothing. Zones are plain objects, and each
 * name can be told to misbehave.
 *
 *   await using dns = await startDns({ 'example.org': { MX: ['10 mx.example.org'], TXT: ['v=spf1 -all'] } })
 *   dns.behave('slow.example.org', 'drop')
 *
 * `dns.config` makes a server under test ask it.
 */
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { frame, FrameReader } from '#dns/frames.ts'
import { foldName, isWithin } from '#dns/name.ts'
import { type RecordType, typeOf } from '#dns/record.ts'
import { decodeMessage } from '#dns/wire.ts'
import { WireReader } from '#dns/wire-reader.ts'
import { testCertificate, testKey } from './certificates.ts'
import { encodeAnswer, type TestAnswer, type TestRecord } from './dns-wire.ts'

/** By name, then by type, each with its data as `dns-wire.ts` takes it. */
export type Zones = Readonly<
  Record<string, { readonly [T in RecordType]?: readonly (string | readonly string[])[] }>
>

export interface TestQuery {
  readonly id: number
  readonly question: Buffer
  /** Folded. */
  readonly name: string
  readonly type: RecordType
  readonly isStream: boolean
  readonly hasEdns: boolean
  readonly wantsAuthentic: boolean
}

/** What is sent for a query, in packets or, over TCP, in messages. */
export type Reply = (query: TestQuery, honest: () => Buffer) => readonly Buffer[]

export type Behaviour =
  /** Says nothing. */
  | 'drop'
  /** Says nothing over UDP. */
  | 'dropUdp'
  | 'servFail'
  | 'refused'
  /** FORMERR, as a header alone, for whoever uses EDNS. */
  | 'formErr'
  /** Cuts every answer over UDP off. */
  | 'truncate'
  /** As a server that is cut off over TCP as well. */
  | 'truncateAlways'
  /** Bytes that are no message, with the right id. */
  | 'garbage'
  /** Forged answers only, or before the right one. */
  | 'wrongId'
  | 'wrongQuestion'
  | 'wrongCase'
  | 'forgedFirst'
  /** A new alias for every name, for ever, one in each answer. */
  | 'endlessAliases'
  /** A megabyte of messages that nobody asked for, over TCP. */
  | 'megabyte'
  /** Closes the connection; over UDP says nothing. */
  | 'close'
  | { readonly delayMs: number }
  | Reply

const soa = 'ns.test root.test 1 3600 600 86400 300'
const ttl = 300

const honestly = (honest: () => Buffer): readonly Buffer[] => [honest()]
const say = ({ id, question }: TestQuery, o: Partial<TestAnswer>): readonly Buffer[] => [
  encodeAnswer({ id, question, ...o }),
]

/** What a name says that is asked for in every type. */
function forged({ id, question, name }: TestQuery): Buffer {
  const answers: readonly TestRecord[] = [
    { name, type: 'A', ttl, data: '203.0.113.66' },
    { name, type: 'TXT', ttl, data: 'forged' },
  ]
  return encodeAnswer({ id, question, answers })
}

function withId(message: Buffer, id: number): Buffer {
  const changed = Buffer.from(message)
  changed.writeUInt16BE(id & 0xffff, 0)
  return changed
}

const replies: { readonly [B in Extract<Behaviour, string>]: Reply } = {
  drop: () => [],
  dropUdp: (query, honest) => (query.isStream ? honestly(honest) : []),
  servFail: (query) => say(query, { rcode: 2 }),
  refused: (query) => say(query, { rcode: 5 }),
  formErr: (query, honest) =>
    query.hasEdns ? say(query, { rcode: 1, question: Buffer.alloc(0) }) : honestly(honest),
  truncate: (query, honest) => (query.isStream ? honestly(honest) : say(query, { truncated: true })),
  truncateAlways: (query) => say(query, { truncated: true }),
  garbage: ({ id }) => [withId(Buffer.alloc(40, 0xee), id)],
  wrongId: (query) => [withId(forged(query), query.id + 1)],
  wrongQuestion: (query) => {
    const question = Buffer.from(query.question)
    question[question.length - 3]! ^= 0x40
    return [forged({ ...query, question })]
  },
  wrongCase: (query, honest) => {
    if (query.isStream) return honestly(honest)
    const question = Buffer.from(query.question)
    // The first letter of the name.
    question[1]! ^= 0x20
    return [forged({ ...query, question })]
  },
  forgedFirst: (query, honest) => [withId(forged(query), query.id + 1), honest()],
  endlessAliases: (query) => {
    const { name } = query
    return say(query, { answers: [{ name, type: 'CNAME', ttl, data: nextAlias(name) }] })
  },
  megabyte: (query) =>
    query.isStream
      ? Array.from({ length: 16 }, () => withId(Buffer.alloc(65_535, 0x80), query.id + 1))
      : say(query, { truncated: true }),
  close: () => [],
}

/** `3.a.example` after `2.a.example`. */
function nextAlias(name: string): string {
  const [first = '', ...rest] = name.split('.')
  return /^\d+$/.test(first) ? [Number(first) + 1, ...rest].join('.') : `1.${name}`
}

export interface DnsOptions {
  /** Says that everything was validated, to those who ask. */
  readonly authentic?: boolean
  /** Also over TLS, with the test certificate of mail.example.org. */
  readonly tls?: boolean
}

export class TestDns implements AsyncDisposable {
  /** Every query so far. */
  readonly queries: TestQuery[] = []
  readonly port: number
  readonly tlsPort: number
  /** How many connections were opened so far. */
  connections = 0
  readonly #zones: Map<string, Zones[string]>
  readonly #isAuthentic: boolean
  readonly #behaviours = new Map<string, Behaviour>()
  readonly #sockets = new Set<Socket>()
  readonly #closing: (() => Promise<unknown>)[] = []

  private constructor(zones: Zones, isAuthentic: boolean, servers: Listening) {
    this.#zones = new Map(Object.entries(zones).map(([name, types]) => [foldName(name), types]))
    this.#isAuthentic = isAuthentic
    const { udp, tcp, tls } = servers
    this.port = portOf(tcp)
    this.tlsPort = tls === undefined ? 0 : portOf(tls)
    udp.on('message', (bytes, peer) => this.#hearUdp(udp, bytes, peer))
    tcp.on('connection', (socket: Socket) => this.#hearStream(socket))
    tls?.on('secureConnection', (socket: Socket) => this.#hearStream(socket))
    tls?.on('tlsClientError', () => undefined)
    this.#closing.push(() => new Promise<void>((resolve) => udp.close(() => resolve())))
    for (const server of [tcp, ...(tls === undefined ? [] : [tls])])
      this.#closing.push(() => new Promise<void>((resolve) => server.close(() => resolve())))
  }

  static async start(zones: Zones, o: DnsOptions = {}): Promise<TestDns> {
    return new TestDns(zones, o.authentic ?? false, await listen(o.tls ?? false))
  }

  /** For the configuration file of a server that is to ask nobody else. */
  get config(): string {
    const server = `address = "127.0.0.1", port = ${this.port}, trusted = ${this.#isAuthentic}`
    return `\n[DnsResolver]\ntype = "custom"\nservers = [{ ${server} }]\n`
  }

  /** From now on, for this name in every type; `*` for all that have none of their own. */
  behave(name: string, behaviour: Behaviour | undefined): void {
    if (behaviour === undefined) this.#behaviours.delete(foldName(name))
    else this.#behaviours.set(foldName(name), behaviour)
  }

  /** Replaces what a name has; undefined takes it away. */
  set(name: string, types: Zones[string] | undefined): void {
    if (types === undefined) this.#zones.delete(foldName(name))
    else this.#zones.set(foldName(name), types)
  }

  /** How often was this asked? */
  count(name: string, type?: RecordType): number {
    return this.queries.filter(
      (query) => query.name === foldName(name) && (type ?? query.type) === query.type,
    ).length
  }

  /** What is sent for a query that came over any transport; `close` ends the connection. */
  reply(
    bytes: Buffer,
    isStream: boolean,
  ): { readonly messages: readonly Buffer[]; readonly delayMs: number; readonly close: boolean } {
    const query = readQuery(bytes, isStream)
    this.queries.push(query)
    const behaviour = this.#behaviourOf(query.name)
    const honest = (): Buffer => this.#honest(query)
    const none = { delayMs: 0, close: behaviour === 'close' }
    if (behaviour === undefined) return { ...none, messages: [honest()] }
    if (typeof behaviour === 'function') return { ...none, messages: behaviour(query, honest) }
    if (typeof behaviour === 'string') return { ...none, messages: replies[behaviour](query, honest) }
    return { ...none, messages: [honest()], delayMs: behaviour.delayMs }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await Promise.all(this.#closing.map((close) => close()))
  }

  /** An alias may lead to a name that has a behaviour by itself: endless ones go on below their first. */
  #behaviourOf(name: string): Behaviour | undefined {
    const own = this.#behaviours.get(name)
    if (own !== undefined) return own
    for (const [above, behaviour] of this.#behaviours)
      if (behaviour === 'endlessAliases' && isWithin(name, above)) return behaviour
    return this.#behaviours.get('*')
  }

  #honest(query: TestQuery): Buffer {
    const answers: TestRecord[] = []
    let name = query.name
    let types = this.#zones.get(name)
    for (let i = 0; i < 20 && types?.CNAME !== undefined && query.type !== 'CNAME'; i++) {
      const target = types.CNAME[0] as string
      answers.push({ name, type: 'CNAME', ttl, data: target })
      name = foldName(target)
      types = this.#zones.get(name)
    }
    const data = types?.[query.type] ?? []
    answers.push(...data.map((one) => ({ name, type: query.type, ttl, data: one })))
    const isThere = types !== undefined || [...this.#zones.keys()].some((one) => isWithin(one, name))
    const zone = name.split('.').slice(-2).join('.')
    const whole = encodeAnswer({
      id: query.id,
      question: query.question,
      rcode: isThere ? 0 : 3,
      authentic: this.#isAuthentic && query.wantsAuthentic,
      answers,
      authority: data.length > 0 ? [] : [{ name: zone, type: 'SOA', ttl, data: soa }],
      ...(query.hasEdns ? { edns: [] } : {}),
    })
    if (query.isStream || whole.length <= (query.hasEdns ? 1232 : 512)) return whole
    return encodeAnswer({ id: query.id, question: query.question, truncated: true })
  }

  #hearUdp(udp: UdpSocket, bytes: Buffer, peer: RemoteInfo): void {
    const { messages, delayMs } = this.reply(bytes, false)
    const send = (): void => {
      for (const message of messages) udp.send(message, peer.port, peer.address, () => undefined)
    }
    if (delayMs === 0) send()
    else setTimeout(send, delayMs).unref()
  }

  #hearStream(socket: Socket): void {
    this.connections++
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('error', () => undefined)
    const frames = new FrameReader()
    socket.on('data', (chunk: Buffer) =>
      frames.push(chunk, (bytes) => {
        const { messages, delayMs, close } = this.reply(bytes, true)
        if (close) return void socket.destroy()
        const send = (): void => {
          for (const message of messages) socket.write(frame(message))
        }
        if (delayMs === 0) send()
        else setTimeout(send, delayMs).unref()
      }),
    )
  }
}

export const startDns = (zones: Zones = {}, o: DnsOptions = {}): Promise<TestDns> => TestDns.start(zones, o)

function readQuery(bytes: Buffer, isStream: boolean): TestQuery {
  const { id, question, isAuthentic } = decodeMessage(bytes)
  return {
    id,
    question,
    name: foldName(new WireReader(question).name()),
    type: typeOf(question.readUInt16BE(question.length - 4)),
    isStream,
    hasEdns: bytes.readUInt16BE(10) > 0,
    wantsAuthentic: isAuthentic,
  }
}

interface Listening {
  readonly udp: UdpSocket
  readonly tcp: Server
  readonly tls: Server | undefined
}

const portOf = (server: Server): number => (server.address() as { port: number }).port

/** UDP and TCP on one port, which has to be free for both. */
async function listen(withTls: boolean): Promise<Listening> {
  for (let tries = 0; ; tries++) {
    const tcp = createServer()
    tcp.listen(0, '127.0.0.1')
    await once(tcp, 'listening')
    const udp = createSocket('udp4')
    try {
      udp.bind(portOf(tcp), '127.0.0.1')
      await once(udp, 'listening')
    } catch (error) {
      tcp.close()
      if (tries > 10) throw error
      continue
    }
    if (!withTls) return { udp, tcp, tls: undefined }
    const tls = createTlsServer({ cert: testCertificate('server-chain'), key: testKey('server') })
    tls.listen(0, '127.0.0.1')
    await once(tls, 'listening')
    return { udp, tcp, tls }
  }
}
