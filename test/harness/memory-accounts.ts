/**
 * Users and groups with their mail in a memory store, for tests of what serves them. The first of them is there from
 * the start; whoever they are signs in with the password `secret`.
 */
import type { Access } from '#account/access.ts'
import { AccountWatch } from '#account/account-watch.ts'
import type { Permission } from '#account/permission.ts'
import { fixedClock } from '#base/clock.ts'
import type { AccountId, MailboxId } from '#base/id.ts'
import { MemoryBlobs } from '#blob/engines/memory.ts'
import { LocalBus } from '#bus/engines/local.ts'
import { KvDb } from '#kv/db.ts'
import { MemoryEngine } from '#kv/engines/memory.ts'
import { ingest, type Ingested, type IngestOptions } from '#mail/ingest.ts'
import { noLimits } from '#mail/limits.ts'
import { inboxId, provisionAccount } from '#mail/mailbox.ts'
import type { Principal, Principals } from '#mail/principal.ts'
import { rightsOf } from '#mail/rights.ts'
import { changeGrant } from '#mail/share.ts'
import { prepareBytes } from '#mail/test-message.ts'
import { silentTelemetry, type Telemetry } from '#telemetry/telemetry.ts'

export const account = 7 as AccountId
export const createdAt = Date.UTC(2026, 0, 1)

/** A user or a group of the test. */
export interface Person extends Principal {
  groups: readonly AccountId[]
  permissions?: readonly Permission[]
  /** Of the app password that is used to sign in. */
  protocols?: Access['protocols']
  /** May not sign in. */
  isDisabled?: boolean
  description?: string
}

export interface Told {
  readonly event: string
  readonly [field: string]: unknown
}

export interface Delivered extends Partial<IngestOptions> {
  /** The first account, where nothing is said. */
  readonly to?: AccountId
  readonly prefix?: string
  readonly receivedAt?: number
}

export class MemoryAccounts {
  readonly blobs = new MemoryBlobs()
  readonly engine = new MemoryEngine(this.blobs)
  readonly bus = new LocalBus({
    onError: (error) => {
      throw error
    },
  })
  readonly db = new KvDb(this.engine, this.bus)
  readonly clock = fixedClock(createdAt + 60_000)
  readonly accountWatch = new AccountWatch(this.bus)
  readonly told: Told[] = []
  readonly telemetry: Telemetry = {
    ...silentTelemetry,
    emit: (kind, values) => void this.told.push({ event: kind.name, ...values }),
  }
  limits = noLimits
  readonly people: Person[] = [{ id: account, name: 'fred@example.org', isGroup: false, groups: [] }]
  readonly principals: Principals = {
    groupsOf: async (id) => this.people.find((one) => one.id === id)?.groups ?? [],
    byId: async (id) => this.people.find((one) => one.id === id),
    byName: async (name) => this.people.find((one) => one.name === name.toLowerCase()),
  }

  /** The user who signs in so. */
  signingIn(name: string, password: string): Person | undefined {
    return password === 'secret' ? this.people.find((one) => one.name === name && !one.isGroup) : undefined
  }

  /** Gives the first account its first mailboxes. */
  async provision(): Promise<void> {
    await this.db.write([account], (tx) => provisionAccount(tx, account, createdAt))
  }

  /** One more account with its first mailboxes. */
  async add(id: number, name: string, o: Partial<Person> = {}): Promise<Person> {
    const person = { id: id as AccountId, name, isGroup: false, groups: [], ...o }
    this.people.push(person)
    await this.db.write([person.id], (tx) => provisionAccount(tx, person.id, createdAt))
    return person
  }

  /** Rights in letters (RFC 4314); for a mailbox of the first account, or of another. */
  async share(mailbox: MailboxId, grantee: AccountId, letters: string, owner = account): Promise<void> {
    const change = { kind: 'granted', how: 'set', rights: rightsOf(letters) } as const
    await this.db.write([owner], (tx) =>
      changeGrant(tx, { account: owner, mailbox }, { ...change, grantee }, { maxShares: 1000 }),
    )
  }

  /** A message comes into an Inbox, or as the options say. */
  async deliverBytes(
    bytes: Uint8Array,
    { to = account, prefix = '', receivedAt = createdAt, ...o }: Delivered = {},
  ): Promise<Ingested> {
    const message = await prepareBytes(this.blobs, bytes, { prefix, receivedAt })
    const options = { mailbox: inboxId, keywords: [], savedAt: createdAt, limits: noLimits, ...o }
    return this.db.write([to], (tx) => ingest(tx, to, message, options))
  }
}
