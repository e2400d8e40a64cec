/**
 * Who is on a mailing list: its recipients, and those of lists on it.
 *
 * What must always hold: each account and each address elsewhere comes once however many ways lead to it; lists that contain each other
 * end by themselves; a recipient that is gone does not stop the others.
 */
import { domainPart } from '#base/domain-name.ts'
import type { ReadTx } from '#kv/tx.ts'
import { recipientKeys } from './address.ts'
import type { AddressLookup, StoredList } from './lookup.ts'
import type { StoredAccount } from './stored-account.ts'
import type { ListId } from './tables.ts'

export interface ListMembers {
  readonly accounts: readonly StoredAccount[]
  /** Addresses on other servers. */
  readonly others: readonly string[]
}

/** RFC 5321 §3.9.2: who is told of members elsewhere that cannot be reached, in place of the sender. */
export const ownerOf = ({ owner, name }: StoredList): string => owner ?? `postmaster@${domainPart(name)}`

/** Of one list, nested ones included, accounts and others each. More are not looked at. */
const maxListAccounts = 10_000
const maxLists = 200

export async function expandList(tx: ReadTx, lookup: AddressLookup, list: StoredList): Promise<ListMembers> {
  const accounts = new Map<number, StoredAccount>()
  const others = new Set<string>()
  const lists = new Map<ListId, StoredList>([[list.id, list]])
  // A map is walked in the order of insertion, and what is added meanwhile comes too.
  for (const { recipients } of lists.values()) {
    for (const recipient of recipients) {
      const keys = recipientKeys(recipient)
      if (keys === undefined || accounts.size >= maxListAccounts) continue
      const found = await lookup.find(tx, keys)
      if (found.kind === 'local' && found.mayReceive) accounts.set(found.account.id, found.account)
      else if (found.kind === 'list' && lists.size < maxLists && !lists.has(found.list.id))
        lists.set(found.list.id, found.list)
      else if (found.kind === 'remote' && others.size < maxListAccounts) others.add(keys.address)
    }
  }
  return { accounts: [...accounts.values()], others: [...others] }
}
