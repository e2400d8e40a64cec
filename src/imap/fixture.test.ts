/** What the tests of this folder share: an account in a memory store, and clients that talk to it over pipes. */
import assert from 'node:assert/strict'
import type { MailboxId, Uid } from '#base/id.ts'
import { noWatch, passwordsOnly, userAccess } from '#account/fixture.test.ts'
import type { Access } from '#account/access.ts'
import { SaslMechanisms } from '#account/sasl/mechanisms.ts'
import type { Ingested } from '#mail/ingest.ts'
import { inboxId } from '#mail/mailbox.ts'
import { AccountViews } from '#mail/view.ts'
import type { ConnectionOptions, StreamConnection } from '#net/stream-connection.ts'
import { SearchIndexes } from '#search/indexes.ts'
import type { Settings, SettingsObject } from '#settings/object.ts'
import { Conversation } from '../../test/harness/conversation.ts'
import { createdAt, type Delivered, MemoryAccounts, type Person } from '../../test/harness/memory-accounts.ts'
import { connectionPair } from '../../test/harness/pipe.ts'
import { UserSessions } from './user-sessions.ts'
import { ImapProtocol } from './protocol.ts'
import { assertResponses } from './responses/grammar.test.ts'
import type { ImapServices } from './services.ts'

export const inbox: MailboxId = inboxId
/** UIDVALIDITY of INBOX. */
export const validity = createdAt / 1000

export class ImapTestServer extends MemoryAccounts implements AsyncDisposable {
  readonly userSessions = new UserSessions(this.bus)
  readonly protocol: ImapProtocol
  readonly services: ImapServices
  readonly #connections: StreamConnection[] = []
  readonly #sessions: Promise<unknown>[] = []
  /** What each client was told. */
  readonly #said: Buffer[][] = []
  jmapUrl: string | undefined

  private constructor(overrides: Readonly<Record<string, unknown>>) {
    super()
    const { db, bus, blobs, telemetry } = this
    this.services = {
      db,
      blobs,
      views: new AccountViews({ db, budgetBytes: 64 << 20 }),
      indexes: new SearchIndexes({ db, bus, blobs, telemetry, budgetBytes: 1 << 20 }),
      signIn: passwordsOnly(async (name, password) => {
        const person = this.signingIn(name, password)
        return (person && accessOf(person)) ?? 'wrong'
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
      principals: this.principals,
      watch: this.accountWatch,
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
    await server.provision()
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
  async deliver(text: string, o: Delivered = {}): Promise<Ingested> {
    return this.deliverBytes(Buffer.from(text.replaceAll(/\r?\n/g, '\r\n'), 'latin1'), o)
  }

  /** As many short messages; their UIDs. */
  async fill(count: number, o: Delivered = {}): Promise<Uid[]> {
    const uids: Uid[] = []
    for (let i = 0; i < count; i++)
      uids.push((await this.deliver(`Subject: number ${i + 1}\n\nbody\n`, o)).uid)
    return uids
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#connections) connection.destroy()
    // A session that was cut off stops with a fault; its listener expects that.
    await Promise.allSettled(this.#sessions)
    this.accountWatch[Symbol.dispose]()
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
