/**
 * Accounts and domains as the rest of the server uses them: looked up, resolved, created, and forgotten by
 * those who remember. What administrators may do with them is in `objects/`.
 *
 * What must always hold: an account appears in one commit with its name, all its addresses, its password and
 * its mailboxes, or not at all; of two who want the same address at once one gets Fault `exists`. Ids are
 * taken in a commit of their own before, so a crash in between wastes an id and nothing else.
 */
import { type Clock, systemClock } from '#base/clock.ts'
import { invalidProperties } from '#base/fault.ts'
import type { AccountId } from '#base/id.ts'
import { KeyedMutex } from '#base/mutex.ts'
import type { Bus } from '#bus/bus.ts'
import type { Db } from '#kv/db.ts'
import type { WriteTx } from '#kv/tx.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import { assertAccountFits, createAccountRows, noSuchAccount } from './account-rows.ts'
import { readOwnDomain } from './address.ts'
import { passwordTable } from './credential-tables.ts'
import { createDomainRows } from './domain-rows.ts'
import { accountCreated, domainCreated, passwordChanged } from './events.ts'
import type { ListMembers } from './list-expansion.ts'
import type { Resolution, StoredList } from './lookup.ts'
import { normaliseExact, normaliseOwned } from './own-address.ts'
import type { PasswordPolicy } from './password-policy.ts'
import { accountCache, Resolver } from './resolution.ts'
import { type EffectivePermission, explainPermissions } from './role.ts'
import { readAccount, type StoredAccount } from './stored-account.ts'
import {
  accountDefaults,
  accountNameTable,
  type AccountRow,
  accountRowTable,
  domainDefaults,
  type DomainRow,
  domainTable,
  lastIdTable,
} from './tables.ts'

export type Account = StoredAccount

export interface Domain extends DomainRow {
  readonly name: string
}

export interface Page {
  /** Only what comes after this name. */
  readonly after?: string
  readonly limit: number
}

/** An account to be: what is absent has its default. */
export interface NewAccount extends Partial<AccountRow> {
  readonly name: string
  /** All addresses at once, the primary one first, in place of `emailAddress` and `aliases`. */
  readonly emails?: readonly string[]
  /** Without one nobody can sign in until it is set. */
  readonly password?: string
}

/** Makes the mailboxes of a new account, in the commit that creates it. */
export type Provision = (tx: WriteTx, account: AccountId) => Promise<void>

export class Accounts implements Disposable {
  readonly #db: Db
  readonly #bus: Bus
  readonly #passwords: PasswordPolicy
  readonly #telemetry: Telemetry
  readonly #clock: Clock
  readonly #provision: Provision
  readonly #resolver: Resolver
  readonly #mutex = new KeyedMutex<string>()

  constructor(o: {
    db: Db
    bus: Bus
    passwords: PasswordPolicy
    telemetry: Telemetry
    provision: Provision
    clock?: Clock
  }) {
    this.#db = o.db
    this.#bus = o.bus
    this.#passwords = o.passwords
    this.#telemetry = o.telemetry
    this.#provision = o.provision
    this.#clock = o.clock ?? systemClock
    this.#resolver = new Resolver({ db: o.db, bus: o.bus, clock: this.#clock })
  }

  [Symbol.dispose](): void {
    this.#resolver[Symbol.dispose]()
  }

  /** Who a recipient address is. Microseconds where it was asked before. */
  resolve(address: string): Promise<Resolution> {
    return this.#resolver.resolve(address)
  }

  /** Who gets what is sent to a list. */
  expand(list: StoredList): Promise<ListMembers> {
    return this.#resolver.expand(list)
  }

  /** Throws Fault `invalid` or `exists`. */
  async createDomain(o: { name: string } & Partial<DomainRow>): Promise<Domain> {
    const name = readOwnDomain(o.name)
    if (name === undefined) {
      throw invalidProperties([{ property: 'name', problem: 'must be a domain name such as example.org' }])
    }
    const { name: _, ...given } = o
    const row = { ...domainDefaults, createdAt: this.#clock.now(), ...given }
    await this.#db.write([], (tx) => createDomainRows(tx, name, row))
    this.forget(name)
    this.#telemetry.emit(domainCreated, { domain: name })
    return { name, ...row }
  }

  /** Also where the name is an alias: then it is that row, with `aliasOf`. */
  async domain(name: string): Promise<Domain | undefined> {
    const key = readOwnDomain(name)
    if (key === undefined) return undefined
    const row = await this.#db.read((tx) => tx.get(domainTable, key))
    return row && { name: key, ...row }
  }

  /** In the order of their names, aliases left out. */
  async listDomains(): Promise<readonly Domain[]> {
    const rows = await this.#db.read((tx) => tx.list(domainTable, []))
    return rows.filter(([, row]) => row.aliasOf === undefined).map(([[name], row]) => ({ name, ...row }))
  }

  /** Throws Fault `invalid` (with the names of the properties), `exists`, or `unavailable` when too many passwords wait. */
  async createAccount(wanted: NewAccount): Promise<Account> {
    const row = newAccountRow(wanted, this.#clock.now())
    const about = [row.name, row.description]
    const prepared =
      wanted.password === undefined ? undefined : await this.#passwords.check(wanted.password, about)
    // Before a hash and an id are spent on what cannot be; the commit looks again.
    await this.#db.read((tx) => assertAccountFits(tx, undefined, row))
    const password =
      prepared === undefined ? undefined : await this.#passwords.keep(prepared, this.#clock.now())
    const id = await this.takeId()
    await this.#db.write([id], async (tx) => {
      await this.putNew(tx, id, row)
      if (password !== undefined) tx.put(passwordTable, [id], password)
    })
    this.created(id, row.name)
    return { id, ...row }
  }

  /** In a commit: the rows of a new account with its mailboxes. */
  async putNew(tx: WriteTx, id: AccountId, row: AccountRow): Promise<void> {
    await createAccountRows(tx, id, row)
    await this.#provision(tx, id)
  }

  /** After that commit. */
  created(id: AccountId, name: string): void {
    this.forget(String(id))
    this.#telemetry.emit(accountCreated, { account: id, name })
  }

  async get(id: AccountId): Promise<Account | undefined> {
    return this.#db.read((tx) => readAccount(tx, id))
  }

  async byName(name: string): Promise<Account | undefined> {
    const key = normaliseExact(name)
    if (key === undefined) return undefined
    return this.#db.read(async (tx) => {
      const id = await tx.get(accountNameTable, key)
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

  /** All names in order. */
  async names(): Promise<readonly string[]> {
    const rows = await this.#db.read((tx) => tx.list(accountNameTable, []))
    return rows.map(([[name]]) => name)
  }

  /** What it may do, and because of what. */
  async explain(account: Account): Promise<readonly EffectivePermission[]> {
    return this.#db.read((tx) => explainPermissions(tx, account))
  }

  /** At once: a sign-in that was remembered no longer holds. Throws Fault `invalid`, `notFound` or `unavailable`. */
  async setPassword(id: AccountId, password: string): Promise<void> {
    const account = await this.get(id)
    if (account === undefined) throw noSuchAccount()
    const about = [account.name, account.description]
    const accepted = await this.#passwords.accept(password, about, this.#clock.now())
    const name = await this.#db.write([], async (tx) => {
      const row = await tx.get(accountRowTable, id)
      if (row === undefined) throw noSuchAccount()
      tx.put(passwordTable, [id], accepted)
      return row.name
    })
    this.forget(String(id))
    this.#telemetry.emit(passwordChanged, { account: id, name })
  }

  /** One at a time in this process, so that many creators do not run into each other's checks. */
  takeId(): Promise<AccountId> {
    return this.#mutex.run(['account'], () =>
      this.#db.write([], async (tx) => {
        const id = ((await tx.get(lastIdTable, 'account')) ?? 0) + 1
        tx.put(lastIdTable, ['account'], id)
        return id as AccountId
      }),
    )
  }

  /** Tells all workers that something about accounts changed. `key`: the account's id, or any other text. */
  forget(key: string): void {
    this.#bus.publish({ kind: 'forget', cache: accountCache, key })
  }
}

const maxEmails = 500

/** Throws Fault `invalid`. */
function newAccountRow(wanted: NewAccount, createdAt: number): AccountRow {
  const { emails, password: _, ...given } = wanted
  const name = normaliseExact(wanted.name)
  if (name === undefined) {
    throw invalidProperties([
      { property: 'name', problem: 'must be an e-mail address such as alice@example.org' },
    ])
  }
  const addresses = emails === undefined || emails.length === 0 ? undefined : readEmails(emails)
  const row = { ...accountDefaults, createdAt, ...given, name, emailAddress: given.emailAddress ?? name }
  if (addresses === undefined) return row
  return { ...row, emailAddress: addresses[0]!, aliases: addresses.slice(1).map(aliasOf) }
}

const aliasOf = (address: string) => ({ address, enabled: true, description: '' })

/** The classic form of an account's addresses: one list, the primary one first. Throws Fault `invalid`. */
function readEmails(given: readonly string[]): readonly string[] {
  if (given.length > maxEmails)
    throw invalidProperties([{ property: 'emails', problem: `must be at most ${maxEmails}` }])
  const read = given.map((text, i) => {
    const email = i === 0 ? normaliseExact(text) : normaliseOwned(text)
    if (email !== undefined) return email
    const problem =
      i === 0
        ? 'must be an e-mail address; the primary one cannot be a catch-all or a pattern'
        : 'must be an e-mail address, @domain for a catch-all, or a pattern such as sales-*@example.org'
    throw invalidProperties([{ property: `emails/${i}`, problem }])
  })
  return [...new Set(read)]
}
