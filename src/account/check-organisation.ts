/**
 * The check of what ties accounts, lists and domains together: lists are found by each of their addresses,
 * groups know their members, and each alias of a domain leads to the domain that lists it.
 */
import { getRow, type FindingKind, rowPages, openRow, type Trouble } from '#kv/check.ts'
import type { Db } from '#kv/db.ts'
import type { Table } from '#kv/table.ts'
import type { WriteTx } from '#kv/tx.ts'
import { ownedAddresses } from './address-list.ts'
import { readOwned } from './own-address.ts'
import {
  accountRowTable,
  addressTable,
  domainDefaults,
  domainTable,
  listTable,
  memberTable,
  patternTable,
} from './tables.ts'

const kinds = {
  listAddressMissing: {
    name: 'list-address-missing',
    means: 'Mail to an address of a mailing list is refused, since the address leads nowhere.',
    repair: 'The row is written anew from the list.',
  },
  memberMissing: {
    name: 'group-member-missing',
    means: 'A group does not show an account that belongs to it.',
    repair: 'The row is written anew from the account.',
  },
  memberDangling: {
    name: 'group-member-dangling',
    means: 'A group shows a member that does not belong to it.',
    repair: 'The row is removed.',
  },
  aliasMissing: {
    name: 'domain-alias-missing',
    means: 'A domain has another name that is not known: mail to it is refused.',
    repair: 'The row is written anew from the domain.',
  },
  aliasDangling: {
    name: 'domain-alias-dangling',
    means: 'A name leads to a domain that does not list it.',
    repair: 'The row is removed.',
  },
} as const satisfies Record<string, FindingKind>

export async function* organisationTroubles(db: Db): AsyncGenerator<Trouble> {
  yield* lists(db)
  yield* memberships(db)
  yield* members(db)
  yield* domainAliases(db)
}

async function* rowsOf<K extends readonly unknown[], V>(
  db: Db,
  table: Table<K, V>,
): AsyncGenerator<{ readonly elements: K; readonly value: V }> {
  for await (const page of rowPages(db, table.prefix())) {
    for (const row of page) {
      const opened = openRow(table, row)
      if (opened?.value !== undefined) yield { elements: opened.elements, value: opened.value }
    }
  }
}

async function* lists(db: Db): AsyncGenerator<Trouble> {
  for await (const { elements, value } of rowsOf(db, listTable)) {
    const [id] = elements
    for (const address of ownedAddresses({ emailAddress: value.name, aliases: value.aliases })) {
      const key = readOwned(address)
      if (key === undefined) continue
      const table = key.kind === 'pattern' ? patternTable : addressTable
      if ((await db.read((tx) => getRow(tx, table, key.domain, key.local))) !== undefined) continue
      const fix = (tx: WriteTx): void => tx.put(table, [key.domain, key.local], { kind: 'list', id })
      yield { kind: kinds.listAddressMissing, what: `${address} of list ${id} (${value.name})`, fix }
    }
  }
}

async function* memberships(db: Db): AsyncGenerator<Trouble> {
  for await (const { elements, value } of rowsOf(db, accountRowTable)) {
    const [id] = elements
    for (const group of value.memberOf) {
      const found = await db.read((tx) => getRow(tx, accountRowTable, group))
      // A group that was deleted stays in the list of those who were in it, and gives them nothing.
      if (found === undefined || found === 'damaged') continue
      if ((await db.read((tx) => getRow(tx, memberTable, group, id))) !== undefined) continue
      const fix = (tx: WriteTx): void => tx.put(memberTable, [group, id], true)
      yield { kind: kinds.memberMissing, what: `account ${id} (${value.name}) in group ${group}`, fix }
    }
  }
}

async function* members(db: Db): AsyncGenerator<Trouble> {
  for await (const { elements } of rowsOf(db, memberTable)) {
    const [group, id] = elements
    const row = await db.read((tx) => getRow(tx, accountRowTable, id))
    if (row === 'damaged' || row?.memberOf.includes(group) === true) continue
    const fix = (tx: WriteTx): void => tx.delete(memberTable, [group, id])
    yield { kind: kinds.memberDangling, what: `account ${id} in group ${group}`, fix }
  }
}

async function* domainAliases(db: Db): AsyncGenerator<Trouble> {
  for await (const { elements, value } of rowsOf(db, domainTable)) {
    const [name] = elements
    for (const alias of value.aliases) {
      if ((await db.read((tx) => getRow(tx, domainTable, alias))) !== undefined) continue
      const fix = (tx: WriteTx): void => tx.put(domainTable, [alias], { ...domainDefaults, aliasOf: name })
      yield { kind: kinds.aliasMissing, what: `${alias} of ${name}`, fix }
    }
    if (value.aliasOf === undefined) continue
    const target = await db.read((tx) => getRow(tx, domainTable, value.aliasOf!))
    if (target === 'damaged' || target?.aliases.includes(name) === true) continue
    const fix = (tx: WriteTx): void => tx.delete(domainTable, [name])
    yield { kind: kinds.aliasDangling, what: `${name} leads to ${value.aliasOf}`, fix }
  }
}
