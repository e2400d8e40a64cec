/** A server in memory for the tests of this folder: accounts, a session for every connection, what was stored. */
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import type { Access } from '#account/access.ts'
import type { Account } from '#account/account.ts'
import type { Resolution } from '#account/lookup.ts'
import { noWatch, passwordsOnly, settingsWith, userAccess } from '#account/fixture.test.ts'
import { SaslMechanisms } from '#account/sasl/mechanisms.ts'
import {
  accountDefaults,
  listDefaults,
  type ListId,
  type ListRow,
  mailLimits,
  noQuotas,
} from '#account/tables.ts'
import { fixedClock } from '#base/clock.ts'
import { splitAddress } from '#base/domain-name.ts'
import type { AccountId } from '#base/id.ts'
import { Lru } from '#base/lru.ts'
import { MemoryBlobs } from '#blob/engines/memory.ts'
import { LocalBus } from '#bus/engines/local.ts'
import { createSelfSigned } from '#cert/self-signed.ts'
import { KvDb } from '#kv/db.ts'
import { MemoryEngine } from '#kv/engines/memory.ts'
import { provisionAccount } from '#mail/mailbox.ts'
import { messageTable } from '#mail/tables.ts'
import type { DkimSigningKey } from '#mailauth/dkim-sign.ts'
import type { StreamConnection } from '#net/stream-connection.ts'
import { TlsContexts } from '#net/tls-contexts.ts'
import { QueueIds } from '#queue/enqueue.ts'
import { queueSettings } from '#queue/settings.ts'
import { LiveSettings } from '#registry/live.ts'
import type { Telemetry, TelemetryContext } from '#telemetry/telemetry.ts'
import { Conversation } from '../../../test/harness/conversation.ts'
import { connectionPair } from '../../../test/harness/pipe.ts'
import { readLimits, type SmtpLimits, smtpSettings } from '../settings.ts'
import { Acceptor } from './accept.ts'
import { Outlet } from './outlet.ts'
import { Session } from './session.ts'
import { type SenderChecks, senderAuth } from './settings.ts'
import type { Role, SmtpDeps } from './smtp-command.ts'

export const startedAt = Date.UTC(2026, 2, 4, 5, 6, 7)

/** What the accounts' own quotas say. */
export const limitsOf = (account: Account) => mailLimits(account.quotas)

const pair = generateKeyPairSync('ed25519')
/** As a key record has it. */
export const publicKey = pair.publicKey
  .export({ format: 'der', type: 'spki' })
  .subarray(-32)
  .toString('base64')

export const keyFor = (domain: string): DkimSigningKey => ({
  domain,
  selector: 's1',
  algorithm: 'ed25519-sha256',
  privateKey: pair.privateKey,
  canonicalization: 'relaxed/relaxed',
  headers: [],
  expireSeconds: undefined,
})

const defaults = new LiveSettings([senderAuth] as never).get(senderAuth)
export const noChecks: SenderChecks = {
  ...defaults,
  reverseIpVerify: 'disable',
  spfEhloVerify: 'disable',
  spfFromVerify: 'disable',
  dkimVerify: 'disable',
  arcVerify: 'disable',
  dmarcVerify: 'disable',
}

export interface HeardEvent {
  readonly name: string
  readonly values: Readonly<Record<string, unknown>>
}

export interface TestServerOptions {
  readonly limits?: Partial<SmtpLimits>
  readonly deps?: Partial<SmtpDeps>
  /** Name to quota; 0 for none. All are at example.org and have the password `secret`. */
  readonly accounts?: Readonly<Record<string, number>>
  /** Lists at example.org by name. */
  readonly lists?: Readonly<Record<string, Partial<ListRow>>>
}

export class TestServer implements AsyncDisposable {
  readonly blobs = new MemoryBlobs()
  readonly engine = new MemoryEngine(this.blobs)
  readonly bus = new LocalBus({
    onError: (error) => {
      throw error
    },
  })
  readonly db = new KvDb(this.engine, this.bus)
  readonly clock = fixedClock(startedAt)
  readonly outlet: Outlet
  readonly events: HeardEvent[] = []
  readonly pauses: number[] = []
  readonly accounts = new Map<string, Account>()
  readonly lists: Readonly<Record<string, Partial<ListRow>>>
  readonly deps: SmtpDeps
  readonly #tls = new TlsContexts([createSelfSigned(['mx.example.org'], startedAt)])
  #sessions = 0
  readonly #connections: StreamConnection[] = []
  /** Of the last connection. */
  done: Promise<void> = Promise.resolve()

  private constructor(o: TestServerOptions) {
    this.lists = o.lists ?? {}
    const settings = new LiveSettings([...smtpSettings, ...queueSettings] as never)
    const limits = { ...readLimits(settings), checks: noChecks, ...o.limits }
    this.outlet = new Outlet({ ids: new QueueIds(), bus: this.bus, settings, telemetry: this.#telemetry({}) })
    this.deps = {
      hostname: () => 'mx.example.org',
      defaultDomain: () => 'example.org',
      limits: () => limits,
      telemetry: this.#telemetry({}),
      clock: this.clock,
      resolve: (address) => this.#resolve(address),
      expand: async ({ recipients }) => ({
        accounts: recipients.flatMap((one) => this.accounts.get(one.split('@')[0]!) ?? []),
        others: recipients.filter((one) => !one.endsWith('@example.org')),
      }),
      signIn: passwordsOnly((name, password) => Promise.resolve(this.#signIn(name, password))),
      accessWatch: noWatch,
      resolver: { resolve: async () => ({ kind: 'noName' }) },
      knownKeys: new Lru(10),
      fetchDocument: async () => undefined,
      keysOf: () => [],
      reports: { record: () => undefined },
      incomingReports: { recognise: () => undefined },
      mechanisms: new SaslMechanisms(settingsWith({})),
      blobs: this.blobs,
      acceptor: new Acceptor(this.db, limitsOf, this.outlet),
      pause: (ms) => {
        this.pauses.push(ms)
        return Promise.resolve()
      },
      newSessionId: () => `s${++this.#sessions}`,
      ...o.deps,
    }
  }

  static async start(o: TestServerOptions = {}): Promise<TestServer> {
    const server = new TestServer(o)
    const names = { alice: 0, bob: 0, postmaster: 0, ...o.accounts }
    for (const [i, [name, quotaBytes]] of Object.entries(names).entries()) {
      const id = (i + 1) as AccountId
      const address = `${name}@example.org`
      server.accounts.set(name, {
        id,
        ...accountDefaults,
        name: address,
        emailAddress: address,
        quotas: { ...noQuotas, diskBytes: quotaBytes },
        createdAt: startedAt,
      })
      await server.db.write([id], (tx) => provisionAccount(tx, id, startedAt))
    }
    return server
  }

  /** A client that has read nothing yet. */
  open(role: Role = 'smtp', o: { tls?: boolean } = {}): Conversation {
    const { server, client } = connectionPair({
      handshake: o.tls === false ? undefined : { contexts: this.#tls, alpn: [], timeoutMs: 60_000 },
    })
    this.#connections.push(server)
    this.done = new Session(role, this.deps, server).run().then(() => server.close())
    return new Conversation(client)
  }

  /** A client after the greeting and EHLO or LHLO. */
  async greeted(role: Role = 'smtp', o: { tls?: boolean } = {}): Promise<Conversation> {
    const c = this.open(role, o)
    await c.expect('220 ')
    c.send(role === 'lmtp' ? 'LHLO client.example' : 'EHLO client.example')
    await c.until('250 ')
    return c
  }

  /** A client under TLS, after EHLO. */
  async secured(role: Role = 'smtp'): Promise<Conversation> {
    const c = await this.greeted(role)
    await c.ask('STARTTLS', '220 2.0.0')
    await c.upgradeTls()
    c.send('EHLO client.example')
    await c.until('250 ')
    return c
  }

  /** Says all at once, ends, and gives back all that was answered. */
  async talk(role: Role, input: string | Uint8Array, cuts: readonly number[] = []): Promise<string> {
    const { server, client } = connectionPair()
    const bytes = typeof input === 'string' ? Buffer.from(input, 'latin1') : Buffer.from(input)
    const done = new Session(role, this.deps, server).run().then(() => server.close())
    const heard: Buffer[] = []
    client.on('data', (chunk: Buffer) => heard.push(chunk))
    let from = 0
    for (const to of [...cuts, bytes.length]) {
      client.write(bytes.subarray(from, to))
      from = to
      await new Promise(setImmediate)
    }
    client.end()
    if (!client.readableEnded) await once(client, 'end')
    await done
    return Buffer.concat(heard).toString('latin1')
  }

  /** The whole messages of an account, in order of arrival. */
  async messages(name: string): Promise<string[]> {
    const account = this.accounts.get(name)!.id
    const rows = await this.db.read((tx) => tx.list(messageTable, [account]))
    const all: string[] = []
    for (const [, row] of rows) {
      const blob = await this.blobs.readRange(row.blob, 0, row.blobBytes)
      all.push(Buffer.concat([row.prefix, blob]).toString('latin1'))
    }
    return all
  }

  /** Their bytes as they came, without what the server put in front. */
  async bodies(name: string): Promise<string[]> {
    const account = this.accounts.get(name)!.id
    const rows = await this.db.read((tx) => tx.list(messageTable, [account]))
    const all = await Promise.all(rows.map(([, row]) => this.blobs.readRange(row.blob, 0, row.blobBytes)))
    return all.map((bytes) => Buffer.from(bytes).toString('latin1'))
  }

  /** The server stops; what was begun goes on. */
  shutdown(): void {
    this.#connections.at(-1)!.shutdown()
  }

  /** The network of the last connection is gone. */
  cut(): void {
    this.#connections.at(-1)!.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#connections) connection.destroy()
    await this.done
  }

  heard(name: string): readonly HeardEvent['values'][] {
    return this.events.filter((event) => event.name === name).map((event) => event.values)
  }

  #telemetry(context: TelemetryContext): Telemetry {
    return {
      emit: (kind, values) => this.events.push({ name: kind.name, values: { ...context, ...values } }),
      with: (more) => this.#telemetry({ ...context, ...more }),
      gauge: () => ({ [Symbol.dispose]: () => undefined }),
    }
  }

  #resolve(address: string): Resolution {
    const split = splitAddress(address)
    if (split?.domain !== 'example.org') return { kind: 'remote' }
    const [name = '', detail] = split.localPart.toLowerCase().split('+')
    const list = this.lists[name]
    if (list !== undefined) {
      const row = { ...listDefaults, name: `${name}@example.org`, id: 900 as ListId, ...list }
      return { kind: 'list', list: row, address: `${name}@example.org` }
    }
    const account = this.accounts.get(name)
    if (account === undefined) return { kind: 'unknownUser' }
    const resolved = `${split.localPart}@example.org`
    return {
      kind: 'local',
      account,
      address: resolved,
      mayReceive: true,
      ...(detail === undefined ? {} : { detail }),
    }
  }

  #signIn(name: string, password: string): Access | 'wrong' {
    const account = this.accounts.get(name.split('@')[0]!)
    if (account === undefined || password !== 'secret') return 'wrong'
    return userAccess(account.id, account.name)
  }
}
