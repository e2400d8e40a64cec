/** A server that does as it is told, on a port of its own, and the transport with a world of such servers. */
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createSecureContext, TLSSocket } from 'node:tls'
import { fixedClock } from '#base/clock.ts'
import { createSelfSigned } from '#cert/self-signed.ts'
import type { Resolver } from '#dns/resolution.ts'
import { queueSettings } from '#queue/settings.ts'
import type { Destination, Job, OutboundRecipient } from '#queue/transport.ts'
import { LiveSettings } from '#registry/live.ts'
import { mtaConnection } from './settings.ts'
import { SmtpTransport } from './transport.ts'

export const startedAt = Date.UTC(2026, 2, 4, 5, 6, 7)

export interface Script {
  readonly greeting?: string
  /** Keywords of EHLO. */
  readonly offers?: readonly string[]
  /** By the beginning of a command: what is said instead of `250 ok`. `end` closes, `silence` says nothing. */
  readonly answers?: Readonly<Record<string, string>>
  /** What is said to a message. */
  readonly final?: readonly string[]
  /** Called when a message is there whole, before anything is said to it. */
  readonly beforeFinal?: () => void
  readonly onCommand?: (line: string) => void
  readonly tls?: 'good' | 'broken'
  /** Lines in clear that come along with the answer to STARTTLS. */
  readonly injected?: string
  readonly implicitTls?: boolean
}

const pair = createSelfSigned(['mx.remote.example', '127.0.0.1'], startedAt)
export const certificate = pair.certificate

export class ScriptedServer implements AsyncDisposable {
  readonly #server: Server
  readonly #script: Script
  readonly #sockets = new Set<Socket>()
  /** Each connection's commands. */
  readonly sessions: string[][] = []
  readonly messages: string[] = []

  private constructor(script: Script) {
    this.#script = script
    this.#server = createServer((socket) => {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      void this.#serve(socket)
    })
  }

  static async start(script: Script = {}, host = '127.0.0.1', port = 0): Promise<ScriptedServer> {
    const server = new ScriptedServer(script)
    server.#server.listen(port, host)
    await once(server.#server, 'listening')
    return server
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Says something that nobody has asked for, on every connection. */
  say(line: string): void {
    for (const socket of this.#sockets) socket.write(`${line}\r\n`)
  }

  /** Goes away without a word. */
  hangUp(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.hangUp()
    this.#server.close()
    await once(this.#server, 'close')
  }

  async #serve(plain: Socket): Promise<void> {
    const { greeting = '220 mx.remote.example ESMTP', implicitTls } = this.#script
    const commands: string[] = []
    this.sessions.push(commands)
    let stream: Socket | TLSSocket = implicitTls === true ? this.#secure(plain) : plain
    const say = (text: string): void =>
      void stream.write(
        text
          .split('\n')
          .map((line) => `${line}\r\n`)
          .join(''),
      )
    say(greeting)
    let buffered = ''
    for (;;) {
      const end = buffered.indexOf('\r\n')
      if (end < 0) {
        const piece = await next(stream)
        if (piece === undefined) return
        buffered += piece
        continue
      }
      const line = buffered.slice(0, end)
      buffered = buffered.slice(end + 2)
      commands.push(line)
      this.#script.onCommand?.(line)
      const verb = line.split(' ')[0]!.toUpperCase()
      const special = Object.entries(this.#script.answers ?? {}).find(([start]) =>
        line.startsWith(start),
      )?.[1]
      if (special === 'end') {
        stream.destroy()
        return
      }
      if (special === 'silence') continue
      if (verb === 'BDAT') {
        const size = Number(line.split(' ')[1])
        while (buffered.length < size) {
          const piece = await next(stream)
          if (piece === undefined) return
          buffered += piece
        }
        this.messages.push(buffered.slice(0, size))
        buffered = buffered.slice(size)
        this.#script.beforeFinal?.()
        for (const answer of this.#script.final ?? ['250 2.0.0 taken']) say(answer)
      } else if (special !== undefined) say(special)
      else if (verb === 'EHLO' || verb === 'LHLO') {
        const offers = ['mx.remote.example', ...(this.#script.offers ?? [])]
        const shown = stream instanceof TLSSocket ? offers.filter((one) => one !== 'STARTTLS') : offers
        say(shown.map((one, i) => `250${i + 1 < shown.length ? '-' : ' '}${one}`).join('\n'))
      } else if (verb === 'STARTTLS') {
        say(this.#script.injected === undefined ? '220 go' : `220 go\n${this.#script.injected}`)
        buffered = ''
        if (this.#script.tls === 'broken') {
          await next(stream)
          stream.write('this is no TLS\r\n')
          stream.destroy()
          return
        }
        stream = this.#secure(plain)
      } else if (verb === 'AUTH') say(line.includes('LOGIN') ? '334 VXNlcm5hbWU6' : '235 ok')
      else if (verb === 'DATA') {
        say('354 go')
        // RFC 5321 §4.1.1.4: the line end before the dot may be that of the command.
        buffered = `\r\n${buffered}`
        while (!buffered.includes('\r\n.\r\n')) {
          const piece = await next(stream)
          if (piece === undefined) return
          buffered += piece
        }
        const stop = buffered.indexOf('\r\n.\r\n')
        this.messages.push(buffered.slice(2, stop + 2))
        buffered = buffered.slice(stop + 5)
        this.#script.beforeFinal?.()
        for (const answer of this.#script.final ?? ['250 2.0.0 taken']) say(answer)
      } else if (verb === 'QUIT') {
        say('221 bye')
        stream.end()
        return
      } else say('250 2.1.0 ok')
    }
  }

  #secure(plain: Socket): TLSSocket {
    const secured = new TLSSocket(plain, {
      isServer: true,
      secureContext: createSecureContext({ cert: pair.certificate, key: pair.key }),
    })
    secured.on('error', () => {})
    return secured
  }
}

async function next(stream: Socket): Promise<string | undefined> {
  const piece = stream.read() as Buffer | null
  if (piece !== null) return piece.toString('latin1')
  if (stream.destroyed || stream.readableEnded) return undefined
  await new Promise<void>((resolve) => {
    const done = (): void => {
      for (const name of ['readable', 'end', 'close']) stream.off(name, done)
      resolve()
    }
    for (const name of ['readable', 'end', 'close']) stream.once(name, done)
  })
  return next(stream)
}

/** Records by `TYPE name`; `fail`: the DNS does not answer; absent: there is no such name, or no such record. */
export type Zone = Readonly<Record<string, readonly object[] | 'fail'>>

export function resolverOf(zone: Zone): Resolver {
  return {
    resolve: async (name: string, type: string) => {
      const found = zone[`${type} ${name}`]
      const known = { authentic: false, ttl: 60, server: '', cached: false }
      if (found === 'fail')
        return { kind: 'failed', why: 'timeout', reason: 'timed out', temporary: true, cached: false }
      if (found !== undefined) return { kind: 'answer', name, records: found, ...known }
      const exists = Object.keys(zone).some((key) => key.split(' ')[1] === name)
      return { kind: exists ? 'noData' : 'noName', ...known }
    },
  } as Resolver
}

export function transportTo(zone: Zone, config = ''): SmtpTransport & { settings: LiveSettings } {
  const settings = new LiveSettings([...queueSettings, mtaConnection] as never)
  settings.loadText(config, 'test.toml')
  const transport = new SmtpTransport({
    resolver: resolverOf(zone),
    settings,
    clock: fixedClock(startedAt),
    hostname: () => 'mail.example.org',
  })
  return Object.assign(transport, { settings })
}

export const toDomain = (domain: string): Destination => ({ key: domain, route: { kind: 'mx', domain } })

export function jobFor(
  destination: Destination,
  recipients: readonly (string | OutboundRecipient)[],
  o: Partial<Omit<Job, 'message'>> & { text?: string; is8bit?: boolean; needsUtf8?: boolean } = {},
): Job {
  const { text = 'Subject: hello\r\n\r\n.hello\r\n', is8bit = false, needsUtf8 = false, ...more } = o
  const bytes = Buffer.from(text, 'latin1')
  return {
    id: 'q1',
    destination,
    from: 'alice@example.org',
    recipients: recipients.map((one) => (typeof one === 'string' ? { address: one } : one)),
    message: {
      sizeBytes: bytes.length,
      is8bit,
      needsUtf8,
      async *read() {
        yield bytes.subarray(0, 5)
        yield bytes.subarray(5)
      },
    },
    ...more,
  }
}
