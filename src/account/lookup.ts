/**
 * What an address means: the account or the list that takes its mail.
 *
 * The order, which decides: the domain as it is, or the one it is an alias of, or the one it redirects to;
 * then the whole local part; what stands before its `+`; the domain's patterns; its catch-all; and for a
 * postmaster that nobody is, whoever administers. An alias that is switched off is refused, and falls through
 * to nothing.
 */
import { Lru } from '#base/lru.ts'
import type { Pattern } from '#base/pattern.ts'
import type { ReadTx } from '#kv/tx.ts'
import { isReceiving } from './address-list.ts'
import { type RecipientKeys, recipientKeys } from './address.ts'
import { compileLocal } from './alias-pattern.ts'
import { effectivePermissions } from './role.ts'
import { readAccount, type StoredAccount } from './stored-account.ts'
import {
  accountRowTable,
  type AddressOwner,
  addressTable,
  type DomainRow,
  domainTable,
  type ListId,
  type ListRow,
  listTable,
  patternTable,
} from './tables.ts'

export interface StoredList extends ListRow {
  readonly id: ListId
}

export type Resolution =
  | {
      readonly kind: 'local'
      /** Also when it is disabled: that stops sign-in, mail is still kept for it. */
      readonly account: StoredAccount
      /** The recipient as given, its domain normalised. */
      readonly address: string
      /** What stands behind the first `+` of the local part, where that is how the account was found. */
      readonly detail?: string
      /** Whether its roles let it receive. */
      readonly mayReceive: boolean
    }
  | { readonly kind: 'list'; readonly list: StoredList; readonly address: string }
  | { readonly kind: 'unknownUser' }
  | { readonly kind: 'remote' }

const unknownUser: Resolution = { kind: 'unknownUser' }
const remote: Resolution = { kind: 'remote' }

/** From domain to domain; a circle ends here. */
const maxRedirections = 5
const maxPatterns = 1000
const maxCompiled = 2000
const postmaster = 'postmaster'
/** An administrator who comes after so many accounts is not found for a postmaster. */
const mostLookedAt = 1000

interface Found {
  readonly owner: AddressOwner
  /** The owner's address that led here, in its stored spelling. */
  readonly by: string
  readonly detail?: string
}

export class AddressLookup {
  readonly #compiled = new Lru<string, Pattern>(maxCompiled)

  async find(tx: ReadTx, keys: RecipientKeys, redirections = 0): Promise<Resolution> {
    const row = await tx.get(domainTable, keys.domain)
    if (row === undefined) return remote
    const name = row.aliasOf ?? keys.domain
    const domain = row.aliasOf === undefined ? row : await tx.get(domainTable, row.aliasOf)
    if (domain === undefined || !domain.enabled) return unknownUser
    if (domain.redirectTo !== undefined) {
      const local = keys.address.slice(0, keys.address.lastIndexOf('@'))
      const there = recipientKeys(`${local}@${domain.redirectTo}`)
      if (there === undefined || redirections >= maxRedirections) return unknownUser
      return this.find(tx, there, redirections + 1)
    }
    const found = await this.#owner(tx, name, domain, keys)
    if (found === undefined) return unknownUser
    return found.owner.kind === 'list'
      ? listOf(tx, found.owner.id, found.by, keys.address)
      : accountOf(tx, found, keys.address)
  }

  async #owner(
    tx: ReadTx,
    name: string,
    domain: DomainRow,
    { locals, detail }: RecipientKeys,
  ): Promise<Found | undefined> {
    const [whole, base] = locals
    const [exact, bare] = await tx.getMany(
      addressTable,
      locals.map((local) => [name, local] as const),
    )
    if (exact !== undefined) return { owner: exact, by: `${whole!}@${name}` }
    if (bare !== undefined && (await takesDetails(tx, bare, domain))) {
      return { owner: bare, by: `${base!}@${name}`, ...(detail === undefined ? {} : { detail }) }
    }
    if (whole !== undefined) {
      const patterns = await tx.list(patternTable, [name], { limit: maxPatterns })
      const match = patterns.find(([[, local]]) => this.#pattern(local)?.matches(whole) === true)
      if (match !== undefined) return { owner: match[1], by: `${match[0][1]}@${name}` }
    }
    const catchAll = await tx.get(addressTable, name, '')
    if (catchAll !== undefined) return { owner: catchAll, by: `@${name}` }
    return whole === postmaster ? firstAdministrator(tx) : undefined
  }

  #pattern(local: string): Pattern | undefined {
    const known = this.#compiled.get(local)
    if (known !== undefined) return known
    const compiled = compileLocal(local)
    if (compiled !== undefined) this.#compiled.set(local, compiled)
    return compiled
  }
}

/**
 * RFC 5321 §4.5.1: there is a postmaster in every domain. Where nobody has the address it is the first account
 * that administers, so that nothing needs to be set up for it.
 */
async function firstAdministrator(tx: ReadTx): Promise<Found | undefined> {
  const rows = await tx.list(accountRowTable, [], { limit: mostLookedAt })
  const found = rows.find(([, row]) => row.type === 'user' && row.enabled && row.roles.includes('admin'))
  return found && { owner: { kind: 'account', id: found[0][0] }, by: found[1].emailAddress }
}

/** Whether `name+detail` reaches this owner of `name`. */
async function takesDetails(tx: ReadTx, owner: AddressOwner, domain: DomainRow): Promise<boolean> {
  if (owner.kind === 'list') return domain.subAddressing
  const account = await readAccount(tx, owner.id)
  return account?.subAddressing ?? domain.subAddressing
}

async function accountOf(tx: ReadTx, { owner, by, detail }: Found, address: string): Promise<Resolution> {
  if (owner.kind !== 'account') return unknownUser
  const account = await readAccount(tx, owner.id)
  if (account === undefined || !isReceiving(account, by)) return unknownUser
  const mayReceive = (await effectivePermissions(tx, account)).has('emailReceive')
  return { kind: 'local', account, address, mayReceive, ...(detail === undefined ? {} : { detail }) }
}

async function listOf(tx: ReadTx, id: ListId, by: string, address: string): Promise<Resolution> {
  const row = await tx.get(listTable, id)
  if (row === undefined || !row.enabled) return unknownUser
  const receives = isReceiving({ emailAddress: row.name, aliases: row.aliases, aliasesEnabled: true }, by)
  return receives ? { kind: 'list', list: { id, ...row }, address } : unknownUser
}
