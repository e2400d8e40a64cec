/**
 * Accounts and domains: created, read and looked up.
 *
 * What must always hold: an account appears in one commit with its name, all its addresses, its password and
 * its mailboxes, or not at all; of two who want the same address at once one gets Fault `exists`. Ids are
 * taken in a commit of their own before, so a crash in between wastes an id and nothing else.
 */
import { type Clock, systemClock } from '#base/clock.ts'
import { unicodeDomain } from '#base/domain-name.ts'
import { Fault } from '#base/fault.ts'
import type { AccountId } from '#base/id.ts'
import { KeyedMutex } from '#base/mutex.ts'
import type { Bus } from '#bus/bus.ts'
import type { Db } from '#kv/db.ts'
import type { WriteTx } from '#kv/tx.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import { readOwnAddress, readOwnDomain } from './address.ts'
import { accountCreated, domainCreated, passwordChanged } from './events.ts'
import type { PasswordHasher } from './hash-pool.ts'
import { assertFree, type NewAccount, putAccount, readNewAccount } from './new-account.ts'
import { prepareNewPassword } from './password.ts'
import { accountCache, type Resolution, Resolver } from './resolution.ts'
import { readAccount, type StoredAccount } from './stored-account.ts'
import { accountNameTable, accountRowTable, domainTable, lastIdTable, passwordTable } from './tables.ts'

export type Account = StoredAccount

export interface Domain {
  readonly name: string
  readonly description: string
}

export interface Page {
  /** Only what comes after this name. */
  readonly after?: string
  readonly limit: number
}

export class Accounts implements Disposable {
  readonly #db: Db
  readonly #bus: Bus
  readonly #passwords: PasswordHasher
  readonly #telemetry: Telemetry
  readonly #provision: (tx: WriteTx, account: AccountId) => Promise<void>
  readonly #resolver: Resolver
  readonly #mutex = new KeyedMutex<string>()

  /** `provision` makes the mailboxes of a new account, in the commit that creates it. */
  constructor(o: {
    db: Db
    bus: Bus
    passwords: PasswordHasher
    telemetry: Telemetry
    provision: (tx: WriteTx, account: AccountId) => Promise<void>
    clock?: Clock
  }) {
    this.#db = o.db
    this.#bus = o.bus
    this.#passwords = o.passwords
    this.#telemetry = o.telemetry
    this.#provision = o.provision
    this.#resolver = new Resolver({ db: o.db, bus: o.bus, clock: o.clock ?? systemClock })
  }

  [Symbol.dispose](): void {
    this.#resolver[Symbol.dispose]()
  }

  /** Who a recipient address is. Microseconds where it was asked before. */
  resolve(address: string): Promise<Resolution> {
    return this.#resolver.resolve(address)
  }

  /** Throws Fault `invalid` or `exists`. */
  async createDomain(o: { name: string; description?: string }): Promise<Domain> {
    const name = readOwnDomain(o.name)
    if (name === undefined) {
      throw new Fault('invalid', 'name: must be a domain name such as example.org', { properties: ['name'] })
    }
    const description = o.description ?? ''
    await this.#db.write([], async (tx) => {
      if ((await tx.getForUpdate(domainTable, name)) !== undefined) {
        throw new Fault('exists', `the domain ${unicodeDomain(name)} exists already`, { what: 'domain' })
      }
      tx.put(domainTable, [name], { description })
    })
    this.#forget(name)
    this.#telemetry.emit(domainCreated, { domain: name })
    return { name, description }
  }

  async domain(name: string): Promise<Domain | undefined> {
    const key = readOwnDomain(name)
    if (key === undefined) return undefined
    const row = await this.#db.read((tx) => tx.get(domainTable, key))
    return row && { name: key, description: row.description }
  }

  /** In the order of their names. */
  async listDomains(): Promise<readonly Domain[]> {
    const rows = await this.#db.read((tx) => tx.list(domainTable, []))
    return rows.map(([[name], { description }]) => ({ name, description }))
  }

  /** Throws Fault `invalid` (with the names of the properties), `exists`, or `unavailable` when too many passwords wait. */
  async createAccount(wanted: NewAccount): Promise<Account> {
    const account = readNewAccount(wanted)
    const password = wanted.password === undefined ? undefined : prepareNewPassword(wanted.password)
    // Before a hash and an id are spent on what cannot be; the commit looks again.
    await this.#db.read((tx) => assertFree(tx, account))
    const hash = password === undefined ? undefined : await this.#passwords.hash(password)
    const id = await this.#takeId()
    await this.#db.write([id], async (tx) => {
      await assertFree({ get: (table, ...key) => tx.getForUpdate(table, ...key) }, account)
      putAccount(tx, id, account)
      if (hash !== undefined) tx.put(passwordTable, [id], hash)
      await this.#provision(tx, id)
    })
    this.#forget(account.row.name)
    this.#telemetry.emit(accountCreated, { account: id, name: account.row.name })
    return { id, ...account.row }
  }

  async get(id: AccountId): Promise<Account | undefined> {
    return this.#db.read((tx) => readAccount(tx, id))
  }

  async byName(name: string): Promise<Account | undefined> {
    const key = readOwnAddress(name)
    if (key === undefined) return undefined
    return this.#db.read(async (tx) => {
      const id = await tx.get(accountNameTable, key.spelling)
      return id === undefined ? undefined : readAccount(tx, id)
    })
  }

  /** In the order of their names. */
  async list(page: Page): Promise<readonly Account[]> {
    return this.#db.read(async (tx) => {
      const o = page.after === undefined ? {} : { after: [page.after] as const }
      const rows = await tx.list(accountNameTable, [], { ...o, limit: page.limit })
      const found = await tx.getMany(
        accountRowTable,
        rows.map(([, id]) => [id] as const),
      )
      return found.flatMap((row, i) => (row === undefined ? [] : [{ id: rows[i]![1], ...row }]))
    })
  }

  /** All names in order: for lists whose pages are numbered. */
  async names(): Promise<readonly string[]> {
    const rows = await this.#db.read((tx) => tx.list(accountNameTable, []))
    return rows.map(([[name]]) => name)
  }

  /** At once: a sign-in that was remembered no longer holds. Throws Fault `invalid`, `notFound` or `unavailable`. */
  async setPassword(id: AccountId, password: string): Promise<void> {
    const hash = await this.#passwords.hash(prepareNewPassword(password))
    const name = await this.#db.write([], async (tx) => {
      const row = await tx.getForUpdate(accountRowTable, id)
      if (row === undefined) throw new Fault('notFound', 'there is no such account', { what: 'account' })
      tx.put(passwordTable, [id], hash)
      return row.name
    })
    this.#forget(name)
    this.#telemetry.emit(passwordChanged, { account: id, name })
  }

  /** One at a time in this process, so that many creators do not run into each other's checks. */
  #takeId(): Promise<AccountId> {
    return this.#mutex.run(['account'], () =>
      this.#db.write([], async (tx) => {
        const id = ((await tx.getForUpdate(lastIdTable, 'account')) ?? 0) + 1
        tx.put(lastIdTable, ['account'], id)
        return id as AccountId
      }),
    )
  }

  #forget(key: string): void {
    this.#bus.publish({ kind: 'forget', cache: accountCache, key })
  }
}
