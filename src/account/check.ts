/**
 * The check of accounts, names, addresses, domains, credentials and push keys: each account is found by its name and by
 * each of its addresses, and nothing leads to an account that does not exist.
 *
 * An account whose row is lost is made again from what leads to it, so that its mail can be reached.
 */
import type { AccountId } from '#base/id.ts'
import {
  anyRowTable,
  type FindingKind,
  getRow,
  keyInHex,
  type OpenedRow,
  openRow,
  rowPages,
  type Trouble,
} from '#kv/check.ts'
import type { Db } from '#kv/db.ts'
import type { Table } from '#kv/table.ts'
import type { WriteTx } from '#kv/tx.ts'
import { ownedAddresses } from './address-list.ts'
import { organisationTroubles } from './check-organisation.ts'
import { pushKeyTroubles } from './check-push-keys.ts'
import {
  administratorId,
  credentialTable,
  credentialUseTable,
  passwordTable,
  secondFactorTable,
  serverSecretTable,
} from './credential-tables.ts'
import { type OwnedAddress, readOwned } from './own-address.ts'
import { pushSubscriptionTable } from './push-subscription.ts'
import {
  accountDefaults,
  accountNameTable,
  type AccountRow,
  accountRowTable,
  addressTable,
  domainDefaults,
  domainTable,
  isSameOwner,
  lastIdTable,
  type ListId,
  listTable,
  memberTable,
  patternTable,
  roleTable,
} from './tables.ts'

const kinds = {
  rowUnreadable: {
    name: 'account-row-unreadable',
    means: 'A row about accounts, domains or passwords cannot be read.',
    repair: 'It is removed; accounts and domains that others lead to are then made again.',
  },
  accountMissing: {
    name: 'account-missing',
    means: 'A name, an address or mail belongs to an account that does not exist: nobody can sign in to it.',
    repair:
      'It is made again from its name and addresses; description, quota and the right to administer are lost, and whoever has its password can sign in. Without a name nothing is made, and addresses that lead nowhere are removed.',
  },
  nameMissing: {
    name: 'account-name-missing',
    means: 'An account is not found by its name: nobody can sign in to it.',
    repair: 'The row is written anew from the account.',
  },
  nameDangling: {
    name: 'account-name-dangling',
    means: 'A name leads to an account that is called otherwise.',
    repair: 'The row is removed.',
  },
  addressMissing: {
    name: 'address-missing',
    means: 'Mail to an address of an account is refused, since the address leads nowhere.',
    repair: 'The row is written anew from the account.',
  },
  addressDangling: {
    name: 'address-dangling',
    means: 'Mail to an address goes to an account that does not list it.',
    repair: 'The row is removed.',
  },
  addressShared: {
    name: 'address-of-two-accounts',
    means: 'Two accounts list one address; its mail goes to only one of them.',
    repair: 'It is taken from the list of the account that gets no mail for it.',
  },
  domainMissing: {
    name: 'domain-missing',
    means: 'An account has an address in a domain that does not exist here: its mail is refused.',
    repair: 'The domain is made again.',
  },
  passwordDangling: {
    name: 'password-dangling',
    means:
      'There is a password, another credential or a push subscription for an account that does not exist.',
    repair: 'It is removed.',
  },
  lastIdTooLow: {
    name: 'account-id-reused',
    means: 'The next account would get the number, and so the mail, of one that exists or existed.',
    repair: 'The number of the last account is raised.',
  },
} as const satisfies Record<string, FindingKind>

const tables: readonly Table<never, unknown>[] = [
  accountRowTable,
  accountNameTable,
  addressTable,
  patternTable,
  domainTable,
  listTable,
  roleTable,
  memberTable,
  passwordTable,
  credentialTable,
  credentialUseTable,
  secondFactorTable,
  pushSubscriptionTable,
  serverSecretTable,
  lastIdTable,
] as never

/** Whose first element is the account. */
const credentialTables = [
  passwordTable,
  credentialTable,
  credentialUseTable,
  secondFactorTable,
  pushSubscriptionTable,
] as readonly Table<readonly [AccountId, ...unknown[]], unknown>[]

const tableOf = ({ kind }: OwnedAddress) => (kind === 'pattern' ? patternTable : addressTable)

/** `owners` are the accounts that have rows of their own: mail, for example. */
export async function* accountTroubles(db: Db, owners: AsyncIterable<AccountId>): AsyncGenerator<Trouble> {
  yield* unreadableRows(db)
  let highest = 0
  for await (const { elements, value } of openedRows(db, accountRowTable)) {
    const [id] = elements
    highest = Math.max(highest, id)
    if (value !== undefined) yield* oneAccount(db, id, value)
  }
  yield* names(db)
  yield* addresses(db)
  yield* passwords(db)
  yield* pushKeyTroubles(db)
  yield* organisationTroubles(db)
  for await (const account of owners) {
    highest = Math.max(highest, account)
    yield* ownerOfRows(db, account)
  }
  yield* lastId(db, highest)
}

async function* openedRows<K extends readonly unknown[], V>(
  db: Db,
  table: Table<K, V>,
): AsyncGenerator<OpenedRow<K, V>> {
  for await (const page of rowPages(db, table.prefix())) {
    for (const row of page) {
      const opened = openRow(table, row)
      if (opened !== undefined) yield opened
    }
  }
}

async function* unreadableRows(db: Db): AsyncGenerator<Trouble> {
  for (const table of tables) {
    for await (const page of rowPages(db, table.prefix())) {
      for (const row of page) {
        if (openRow(table, row)?.value !== undefined) continue
        const fix = (tx: WriteTx): void => tx.delete(anyRowTable, [row[0]])
        yield { kind: kinds.rowUnreadable, what: `${table.name}, key ${keyInHex(row[0])}`, fix }
      }
    }
  }
}

async function* oneAccount(db: Db, id: AccountId, row: AccountRow): AsyncGenerator<Trouble> {
  const listed = ownedAddresses(row).map((email) => [email, readOwned(email)] as const)
  const { named, owners, domains } = await db.read(async (tx) => ({
    named: await getRow(tx, accountNameTable, row.name),
    owners: await Promise.all(
      listed.map(async ([, key]) => key && (await getRow(tx, tableOf(key), key.domain, key.local))),
    ),
    domains: await Promise.all(
      [readOwned(row.name), ...listed.map(([, key]) => key)].map(
        async (key) => [key?.domain, key && (await getRow(tx, domainTable, key.domain))] as const,
      ),
    ),
  }))
  const who = `account ${id} (${row.name})`
  const self = { kind: 'account', id } as const
  if (named === undefined) {
    const fix = (tx: WriteTx): void => tx.put(accountNameTable, [row.name], id)
    yield { kind: kinds.nameMissing, what: who, fix }
  }
  for (const [i, [email, key]] of listed.entries()) {
    const owner = owners[i]
    if (key === undefined || owner === 'damaged' || (owner !== undefined && isSameOwner(owner, self)))
      continue
    if (owner === undefined) {
      const fix = (tx: WriteTx): void => tx.put(tableOf(key), [key.domain, key.local], self)
      yield { kind: kinds.addressMissing, what: `${email} of ${who}`, fix }
    } else if (owner.kind === 'account') yield* sharedAddress(db, { id, email, owner: owner.id, who })
  }
  for (const domain of new Set(domains.filter(([, found]) => found === undefined).map(([name]) => name))) {
    if (domain === undefined) continue
    const fix = (tx: WriteTx): void => tx.put(domainTable, [domain], domainDefaults)
    yield { kind: kinds.domainMissing, what: `${domain} of ${who}`, fix }
  }
}

/** The address leads to `owner`; where that account lists it too, the other one gives it up. */
async function* sharedAddress(
  db: Db,
  o: { id: AccountId; email: string; owner: AccountId; who: string },
): AsyncGenerator<Trouble> {
  const other = await db.read((tx) => getRow(tx, accountRowTable, o.owner))
  // Else the row is dangling, and once it is removed this account's address is missing.
  if (other === undefined || other === 'damaged' || !ownedAddresses(other).includes(o.email)) return
  yield {
    kind: kinds.addressShared,
    what: `${o.email} of ${o.who} leads to account ${o.owner}`,
    fix: async (tx) => {
      const row = await tx.get(accountRowTable, o.id)
      if (row === undefined) return
      const aliases = row.aliases.filter(({ address }) => address !== o.email)
      // Mail for the primary address goes on to whoever has it; this account is reached by its next one.
      const emailAddress = row.emailAddress === o.email ? (aliases[0]?.address ?? row.name) : row.emailAddress
      tx.put(accountRowTable, [o.id], { ...row, emailAddress, aliases })
    },
  }
}

async function* names(db: Db): AsyncGenerator<Trouble> {
  for await (const { elements, value: id } of openedRows(db, accountNameTable)) {
    if (id === undefined) continue
    const [name] = elements
    const row = await db.read((tx) => getRow(tx, accountRowTable, id))
    if (row === undefined) yield missing(id, name, `the name ${name}`)
    else if (row !== 'damaged' && row.name !== name) {
      const fix = (tx: WriteTx): void => tx.delete(accountNameTable, [name])
      yield { kind: kinds.nameDangling, what: `${name} leads to account ${id} (${row.name})`, fix }
    }
  }
}

async function* addresses(db: Db): AsyncGenerator<Trouble> {
  for (const table of [addressTable, patternTable]) {
    for await (const { elements, value: owner } of openedRows(db, table)) {
      if (owner === undefined) continue
      const [domain, local] = elements
      const address = `${local}@${domain}`
      const fix = (tx: WriteTx): void => tx.delete(table, [domain, local])
      if (owner.kind === 'account') yield* accountAddress(db, owner.id, address, fix)
      else yield* listAddress(db, owner.id, address, fix)
    }
  }
}

async function* accountAddress(
  db: Db,
  id: AccountId,
  address: string,
  fix: (tx: WriteTx) => void,
): AsyncGenerator<Trouble> {
  const row = await db.read((tx) => getRow(tx, accountRowTable, id))
  if (row === undefined) {
    const name = await nameOf(db, id)
    if (name === undefined) yield { kind: kinds.accountMissing, what: `the address ${address}`, fix }
    else yield missing(id, name, `the address ${address}`)
  } else if (row !== 'damaged' && !ownedAddresses(row).includes(address)) {
    yield { kind: kinds.addressDangling, what: `${address} leads to account ${id} (${row.name})`, fix }
  }
}

async function* listAddress(
  db: Db,
  id: ListId,
  address: string,
  fix: (tx: WriteTx) => void,
): AsyncGenerator<Trouble> {
  const row = await db.read((tx) => getRow(tx, listTable, id))
  if (row === 'damaged') return
  const listed = row === undefined ? [] : ownedAddresses({ emailAddress: row.name, aliases: row.aliases })
  if (!listed.includes(address))
    yield { kind: kinds.addressDangling, what: `${address} leads to list ${id}`, fix }
}

async function* passwords(db: Db): AsyncGenerator<Trouble> {
  for (const table of credentialTables) {
    for await (const { elements } of openedRows(db, table)) {
      const [id] = elements
      if (id === administratorId) continue
      const row = await db.read((tx) => getRow(tx, accountRowTable, id))
      if (row !== undefined || (await nameOf(db, id)) !== undefined) continue
      const fix = (tx: WriteTx): void => tx.delete(table, elements)
      yield { kind: kinds.passwordDangling, what: `${table.name} of account ${id}`, fix }
    }
  }
}

async function* ownerOfRows(db: Db, account: AccountId): AsyncGenerator<Trouble> {
  const row = await db.read((tx) => getRow(tx, accountRowTable, account))
  if (row !== undefined) return
  const name = await nameOf(db, account)
  // One with a name is made again by what leads to it.
  if (name === undefined)
    yield { kind: kinds.accountMissing, what: `the mail of account ${account}, which has no name` }
}

async function* lastId(db: Db, highest: number): AsyncGenerator<Trouble> {
  const last = await db.read((tx) => getRow(tx, lastIdTable, 'account'))
  if (last === 'damaged' || (last ?? 0) >= highest) return
  const fix = (tx: WriteTx): void => tx.put(lastIdTable, ['account'], highest)
  yield { kind: kinds.lastIdTooLow, what: `the last account is ${last ?? 0}, but there is ${highest}`, fix }
}

const missing = (id: AccountId, name: string, what: string): Trouble => ({
  kind: kinds.accountMissing,
  what: `${what} leads to account ${id}`,
  fix: (tx) => remake(tx, id, name),
})

/** The account again, from what leads to it. */
async function remake(tx: WriteTx, id: AccountId, name: string): Promise<void> {
  if ((await tx.get(accountRowTable, id)) !== undefined) return
  const all = await tx.list(addressTable, [])
  const found = all
    .filter(([, owner]) => isSameOwner(owner, { kind: 'account', id }))
    .map(([[domain, local]]) => `${local}@${domain}`)
  // The name comes first where it is an address too, and a catch-all is never the primary one.
  const emails = found.toSorted((a, b) => rank(a, name) - rank(b, name))
  tx.put(accountRowTable, [id], {
    ...accountDefaults,
    name,
    emailAddress: emails[0] ?? name,
    aliases: emails.slice(1).map((address) => ({ address, enabled: true, description: '' })),
  })
}

const rank = (email: string, name: string): number => (email === name ? 0 : email.startsWith('@') ? 2 : 1)

/** The name that leads to an account. Looks through all, since only damage asks. */
async function nameOf(db: Db, id: AccountId): Promise<string | undefined> {
  for await (const { elements, value } of openedRows(db, accountNameTable)) {
    if (value === id) return elements[0]
  }
  return undefined
}
