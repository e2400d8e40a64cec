/** What the tests of this folder share: an account in a memory store, and clients that talk to it over pipes. */
import assert from 'node:assert/strict'
import type { AccountId, MailboxId, Uid } from '#base/id.ts'
import { noWatch, passwordsOnly, userAccess } from '#account/fixture.test.ts'
import type { Access } from '#account/access.ts'
import type { Permission } from '#account/permission.ts'
import { SaslMechanisms } from '#account/sasl/mechanisms.ts'
import { fixedClock } from '#base/clock.ts'
import { MemoryBlobs } from '#blob/engines/memory.ts'
import { LocalBus } from '#bus/engines/local.ts'
import { KvDb } from '#kv/db.ts'
import { MemoryEngine } from '#kv/engines/memory.ts'
import { ingest, type Ingested, type IngestOptions } from '#mail/ingest.ts'
import { noLimits } from '#mail/limits.ts'
import { inboxId, provisionAccount } from '#mail/mailbox.ts'
import { prepareMessage } from '#mail/prepare.ts'
import { rightsOf } from '#mail/rights.ts'
import { changeGrant } from '#mail/share.ts'
import { AccountViews } from '#mail/view.ts'
import { parseStructure } from '#message/mime.ts'
import type { ConnectionOptions, StreamConnection } from '#net/stream-connection.ts'
import { SearchIndexes } from '#search/indexes.ts'
import type { Settings, SettingsObject } from '#settings/object.ts'
import { silentTelemetry, type Telemetry } from '#telemetry/telemetry.ts'
import { Conversation } from '../../test/harness/conversation.ts'
import { connectionPair } from '../../test/harness/pipe.ts'
import { AccountWatch } from '#account/account-watch.ts'
import { UserSessions } from './user-sessions.ts'
import type { Principal } from '#mail/principal.ts'
import { ImapProtocol } from './protocol.ts'
import { assertResponses } from './responses/grammar.test.ts'
import type { ImapServices } from './services.ts'

export const account = 7 as AccountId
export const inbox: MailboxId = inboxId
export const createdAt = Date.UTC(2026, 0, 1)
/** UIDVALIDITY of INBOX. */
export const validity = createdAt / 1000

/** A user or a group of the test. */
export interface Person extends Principal {
  groups: readonly AccountId[]
  /** Besides those of users. */
  permissions?: readonly Permission[]
  /** Of the app password that is used to sign in. */
  protocols?: Access['protocols']
  /** May not sign in. */
  isDisabled?: boolean
}

export interface Told {
  readonly event: string
  readonly [field: string]: unknown
}

export class ImapTestServer implements AsyncDisposable {
  readonly blobs = new MemoryBlobs()
  readonly engine = new MemoryEngine(this.blobs)
  readonly bus = new LocalBus({
    onError: (error) => {
      throw error
    },
  })
  readonly db = new KvDb(this.engine, this.bus)
  readonly clock = fixedClock(createdAt + 60_000)
  readonly watch = new AccountWatch(this.bus)
  readonly userSessions = new UserSessions(this.bus)
  readonly told: Told[] = []
  readonly protocol: ImapProtocol
  readonly services: ImapServices
  readonly #connections: StreamConnection[] = []
  readonly #sessions: Promise<unknown>[] = []
  /** What each client was told. */
  readonly #said: Buffer[][] = []
  limits = noLimits
  jmapUrl: string | undefined
  readonly people: Person[] = [{ id: account, name: 'fred@example.org', isGroup: false, groups: [] }]

  private constructor(overrides: Readonly<Record<string, unknown>>) {
    const telemetry: Telemetry = {
      ...silentTelemetry,
      emit: (kind, values) => void this.told.push({ event: kind.name, ...values }),
    }
    const { db, bus, blobs } = this
    this.services = {
      db: this.db,
      blobs: this.blobs,
      views: new AccountViews({ db: this.db, budgetBytes: 64 << 20 }),
      indexes: new SearchIndexes({ db, bus, blobs, telemetry, budgetBytes: 1 << 20 }),
      signIn: passwordsOnly(async (name, password) => {
        const person = this.people.find((one) => one.name === name && !one.isGroup)
        if (person === undefined || password !== 'secret') return 'wrong'
        return accessOf(person) ?? 'wrong'
      }),
      accessOf: async (id) => {
        const person = this.people.find((one) => one.id === id)
        return person && accessOf(person)
      },
      mechanisms: new SaslMechanisms(settingsWith({})),
      limitsOf: async () => this.limits,
      setLimits: async (by, _ip, of, limits) => {
        this.told.push({ event: 'limits', by: by.name, of })
        this.limits = limits
      },
      jmapUrl: () => this.jmapUrl,
      principals: {
        groupsOf: async (id) => this.people.find((one) => one.id === id)?.groups ?? [],
        byId: async (id) => this.people.find((one) => one.id === id),
        byName: async (name) => this.people.find((one) => one.name === name.toLowerCase()),
      },
      watch: this.watch,
      userSessions: this.userSessions,
      accessWatch: noWatch,
      settings: settingsWith({ allowPlainTextAuth: true, ...overrides }),
      telemetry,
      clock: this.clock,
      version: '1.2.3',
    }
    this.protocol = new ImapProtocol(this.services)
  }

  /** With one account that has its first mailboxes. `settings` are those of the object Imap. */
  static async start(settings: Readonly<Record<string, unknown>> = {}): Promise<ImapTestServer> {
    const server = new ImapTestServer(settings)
    await server.db.write([account], (tx) => provisionAccount(tx, account, createdAt))
    return server
  }

  /** A client that has read nothing yet. */
  connect(o: Partial<ConnectionOptions> = {}): Conversation {
    const { server, client } = connectionPair({ listener: 'imap', ...o })
    this.#connections.push(server)
    this.#sessions.push(this.#serve(server))
    const said: Buffer[] = []
    this.#said.push(said)
    client.on('data', (chunk: Buffer) => said.push(chunk))
    return new Conversation(client)
  }

  async #serve(connection: StreamConnection): Promise<void> {
    try {
      await this.protocol.serve(connection)
    } finally {
      await connection.close()
    }
  }

  /** One more account with its first mailboxes. */
  async add(id: number, name: string, o: Partial<Person> = {}): Promise<Person> {
    const person = { id: id as AccountId, name, isGroup: false, groups: [], ...o }
    this.people.push(person)
    await this.db.write([person.id], (tx) => provisionAccount(tx, person.id, createdAt))
    return person
  }

  /** Rights in letters; for a mailbox of the first account, or of another. */
  async share(mailbox: MailboxId, grantee: AccountId, letters: string, owner = account): Promise<void> {
    const change = { kind: 'granted', how: 'set', rights: rightsOf(letters) } as const
    await this.db.write([owner], (tx) =>
      changeGrant(tx, owner, mailbox, grantee, change, { maxShares: 1000 }),
    )
  }

  /** A client that has signed in. */
  async signedIn(name = 'fred@example.org'): Promise<Conversation> {
    const client = this.connect()
    await client.expect('* OK [CAPABILITY ')
    await client.ask(`in LOGIN ${name} secret`, 'in OK [CAPABILITY ')
    return client
  }

  /** A client that has selected a mailbox, and read what that says. */
  async selected(mailbox = 'INBOX', o: { rev2?: true; as?: string } = {}): Promise<Conversation> {
    const client = await this.signedIn(o.as)
    if (o.rev2) {
      client.send('en ENABLE IMAP4rev2')
      await client.until('en OK')
    }
    client.send(`sel SELECT ${mailbox}`)
    await client.until('sel OK')
    return client
  }

  /** A message comes into the Inbox, or as the options say. Line ends become CRLF. */
  async deliver(
    text: string,
    o: Partial<IngestOptions> & { prefix?: string; receivedAt?: number; account?: AccountId } = {},
  ): Promise<Ingested> {
    return this.deliverBytes(Buffer.from(text.replaceAll(/\r?\n/g, '\r\n'), 'latin1'), o)
  }

  async deliverBytes(
    bytes: Buffer,
    {
      prefix = '',
      receivedAt = createdAt,
      account: of = account,
      ...o
    }: Partial<IngestOptions> & { prefix?: string; receivedAt?: number; account?: AccountId } = {},
  ): Promise<Ingested> {
    const stager = this.blobs.stager({ maxBytes: 1 << 30 })
    await stager.write(bytes)
    const message = prepareMessage({
      staged: await stager.finish(),
      structure: parseStructure(bytes),
      prefix: Buffer.from(prefix, 'latin1'),
      receivedAt,
    })
    const options = { mailbox: inboxId, keywords: [], savedAt: createdAt, limits: noLimits, ...o }
    return this.db.write([of], (tx) => ingest(tx, of, message, options))
  }

  /** As many short messages; their UIDs. */
  async fill(count: number, o: Partial<IngestOptions> = {}): Promise<Uid[]> {
    const uids: Uid[] = []
    for (let i = 0; i < count; i++)
      uids.push((await this.deliver(`Subject: number ${i + 1}\n\nbody\n`, o)).uid)
    return uids
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#connections) connection.destroy()
    // A session that was cut off stops with a fault; its listener expects that.
    await Promise.allSettled(this.#sessions)
    this.watch[Symbol.dispose]()
    this.userSessions[Symbol.dispose]()
    this.protocol[Symbol.dispose]()
    for (const said of this.#said) assertResponses(Buffer.concat(said))
  }
}

function accessOf(person: Person): Access | undefined {
  if (person.isDisabled === true) return undefined
  const access = userAccess(person.id, person.name)
  const permissions = new Set([...access.permissions, ...(person.permissions ?? [])])
  const { groups, protocols } = person
  return { ...access, groups, permissions, ...(protocols === undefined ? {} : { protocols }) }
}

/** The fallbacks of any object, but for these values. */
function settingsWith(values: Readonly<Record<string, unknown>>): Settings {
  return {
    get: <F>(object: SettingsObject<F>) => {
      const fields = Object.entries(object.fields) as [string, { fallback: unknown }][]
      return Object.fromEntries(fields.map(([name, field]) => [name, values[name] ?? field.fallback])) as F
    },
    each: () => [],
    isStored: () => false,
    onChange: () => ({ [Symbol.dispose]: () => {} }),
  }
}

/**
 * Sends a command (its tag is the first word) and reads all lines up to the tagged one. They must be exactly
 * these; without `expected` they are only returned.
 */
export async function ask(
  client: Conversation,
  line: string,
  expected?: readonly string[],
): Promise<string[]> {
  client.send(line)
  const lines = await client.until(`${line.slice(0, line.indexOf(' '))} `)
  if (expected !== undefined) assert.deepEqual(lines, expected, client.transcript)
  return lines
}
