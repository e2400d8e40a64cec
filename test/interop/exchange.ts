/**
 * A server under test and a peer that send each other mail, by TLS only. The server finds the peer by a name
 * server of the test's own; the peer is told the server's port.
 */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Conversation } from '../harness/conversation.ts'
import { startDns, type Zones } from '../harness/dns.ts'
import { freePorts } from '../harness/free-ports.ts'
import { type ServerPorts, startServer, type TestServer } from '../harness/server.ts'
import { type Letter, users } from './letters.ts'
import { nameOf, type Peer, type RunningPeer } from './peers/peer.ts'

/** The domain of the server under test, and that of the peer. */
export const ours = 'example.org'
export const theirs = 'peer.example'

/** Mailboxes of the server under test: of letters, and of reports. */
export const alice = `${users.plain}@${ours}`
export const carol = `carol@${ours}`
export const password = 'correct horse battery'

/** Where nothing came for so long, nothing will. */
const silenceMs = 120_000

export class Exchange implements AsyncDisposable {
  readonly server: TestServer
  readonly peer: RunningPeer
  readonly #stack: AsyncDisposableStack
  readonly #submission: Conversation
  readonly #peerSmtp: Conversation
  /** How many messages were taken from a mailbox here; files that were taken from that of the peer. */
  readonly #taken = new Map<string, number>()
  readonly #files = new Set<string>()

  private constructor(
    stack: AsyncDisposableStack,
    o: { server: TestServer; peer: RunningPeer; submission: Conversation; peerSmtp: Conversation },
  ) {
    this.#stack = stack
    this.server = o.server
    this.peer = o.peer
    this.#submission = o.submission
    this.#peerSmtp = o.peerSmtp
  }

  /**
   * `next`: where the peer sends what is for others. `config`: whom the server under test asks in place of the
   * name server here, and what else is to be different.
   */
  static async start(
    kind: Peer,
    o: { readonly zones?: Zones; readonly next?: keyof ServerPorts; readonly config?: string } = {},
  ): Promise<Exchange> {
    await using stack = new AsyncDisposableStack()
    const names = async (): Promise<string> => {
      const zones = { [theirs]: { MX: [`10 ${nameOf(theirs)}`] }, [nameOf(theirs)]: { A: ['127.0.0.1'] } }
      return stack.use(await startDns({ ...zones, ...o.zones })).config
    }
    const given = o.config ?? (await names())
    const free = stack.use(await freePorts(1))
    const [port = 0] = free.ports
    const server = stack.use(await startServer({ workers: 2, config: given + configuration(port) }))
    for (const name of [alice, carol]) await server.createAccount(name, password)
    const aliases = { aliases: [{ address: `${users.utf8}@${ours}` }] }
    const changed = await server.api('PATCH', `/api/object/Account/${alice}`, aliases)
    assert.equal(changed.status, 200, await changed.text())
    const peer = stack.use(await kind.start({ port, domain: theirs, next: server[o.next ?? 'smtpPort'] }))
    const submission = stack.use(await server.connect(server.submissionsPort, { tls: true }))
    await greet(submission)
    await submission.ask(`AUTH PLAIN ${Buffer.from(`\0${alice}\0${password}`).toString('base64')}`, '235 ')
    const peerSmtp = stack.use(await Conversation.connect(port))
    await greet(peerSmtp)
    return new Exchange(stack.move(), { server, peer, submission, peerSmtp })
  }

  /** Submits to the server under test, signed in as one who may send as anybody. */
  send(letter: Letter): Promise<void> {
    return submit(this.#submission, letter)
  }

  /** Gives it to the peer. */
  sendFromPeer(letter: Letter): Promise<void> {
    return submit(this.#peerSmtp, letter)
  }

  /** What came into a mailbox here since the last call, once there are so many. */
  async received(mailbox: string, wanted: number): Promise<readonly Buffer[]> {
    const before = this.#taken.get(mailbox) ?? 0
    await using imap = await this.server.connect(this.server.imapsPort, { tls: true })
    await imap.expect('* OK ')
    await imap.ask(`s LOGIN ${mailbox} "${password}"`, 's OK ')
    await this.until(wanted, async () => {
      imap.send('e EXAMINE INBOX')
      const [, exists = '0'] = /\* (\d+) EXISTS/.exec((await imap.until('e OK')).join('\n')) ?? []
      return Number(exists) - before
    })
    imap.send(`f FETCH ${before + 1}:* (BODY.PEEK[])`)
    const all: Buffer[] = []
    for (;;) {
      const line = await imap.line()
      if (line.startsWith('f ')) break
      const size = /\{(\d+)\}$/.exec(line)?.[1]
      if (size !== undefined) all.push(await imap.bytes(Number(size)))
    }
    this.#taken.set(mailbox, before + all.length)
    return all
  }

  /** The same of the peer's mailbox, with CRLF as they came. */
  async receivedByPeer(wanted: number): Promise<readonly Buffer[]> {
    const folder = join(this.peer.mailbox, 'new')
    const names = (): string[] =>
      existsSync(folder) ? readdirSync(folder).filter((name) => !this.#files.has(name)) : []
    await this.until(wanted, () => names().length)
    return names().map((name) => {
      this.#files.add(name)
      return Buffer.from(readFileSync(join(folder, name), 'latin1').replaceAll('\n', '\r\n'), 'latin1')
    })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync()
  }

  /** Looks until it finds so many; fails where nothing changes any more. */
  async until(wanted: number, look: () => number | Promise<number>): Promise<void> {
    let last = -1
    for (let since = Date.now(); ; await new Promise((resolve) => setTimeout(resolve, 50))) {
      const found = await look()
      if (found >= wanted) return
      if (found !== last) since = Date.now()
      last = found
      const logs = `${this.server.process.output.slice(-10_000)}\n${this.peer.log.slice(-10_000)}`
      assert.ok(Date.now() - since < silenceMs, `${found} of ${wanted}\n${logs}`)
    }
  }
}

const configuration = (port: number): string => `
[MtaConnectionStrategy]
port = ${port}
startTls = "require"
[MtaOutboundStrategy]
maxRecipientsPerHour = 0
maxRecipientsPerDay = 0
[MtaDeliverySchedule.remote]
retry = ["1s"]
[MtaStageAuth]
mustMatchSender = false
[MtaStageData]
maxMessages = 100000
[MtaInboundSession]
maxDuration = "1h"
`

async function greet(smtp: Conversation): Promise<void> {
  await smtp.expect('220 ')
  smtp.send('EHLO client.example.net')
  await smtp.until('250 ')
}

async function submit(smtp: Conversation, letter: Letter): Promise<void> {
  const { from, to, mailParameters, rcptParameters, bytes } = letter
  await smtp.ask(utf8(`MAIL FROM:<${from}>${mailParameters}`), '250 ')
  for (const recipient of to) await smtp.ask(utf8(`RCPT TO:<${recipient}>${rcptParameters}`), '250 ')
  await smtp.ask('DATA', '354 ')
  // RFC 5321 §4.5.2
  smtp.sendRaw(`${bytes.toString('latin1').replace(/^\./gm, '..')}.\r\n`)
  await smtp.expect('250 ')
}

/** As a conversation sends it. */
const utf8 = (text: string): string => Buffer.from(text).toString('latin1')
