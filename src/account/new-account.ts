/**
 * What an account may be: the checks before it is created, and its rows.
 */
import { Fault } from '#base/fault.ts'
import type { AccountId } from '#base/id.ts'
import type { ReadTx, WriteTx } from '#kv/tx.ts'
import { type OwnAddress, readCatchAll, readOwnAddress } from './address.ts'
import { accountNameTable, type AccountRow, accountRowTable, addressTable, domainTable } from './tables.ts'

export interface NewAccount {
  /** What its owner signs in with: an e-mail address in one of the domains. */
  readonly name: string
  /** The first is primary; `@example.org` catches all else of the domain. The name alone where absent or empty. */
  readonly emails?: readonly string[]
  /** Without one nobody can sign in until it is set. */
  readonly password?: string
  readonly description?: string
  /** 0 or absent: no limit. */
  readonly quotaBytes?: number
  readonly enabled?: boolean
  readonly isAdmin?: boolean
}

const maxEmails = 500
const maxDescription = 1000

/** A NewAccount whose texts were checked, with the keys of its rows. */
export interface CheckedAccount {
  readonly row: AccountRow
  readonly name: OwnAddress
  readonly emails: readonly OwnAddress[]
}

const invalid = (property: string, what: string): Fault =>
  new Fault('invalid', `${property}: ${what}`, { properties: [property] })

/** Checks all that needs no look-up. Throws Fault `invalid`. */
export function readNewAccount(wanted: NewAccount): CheckedAccount {
  const name = readOwnAddress(wanted.name)
  if (name === undefined) throw invalid('name', 'must be an e-mail address such as alice@example.org')
  const emails = readEmails(wanted.emails ?? [], name)
  const { quotaBytes = 0, description = '', enabled = true, isAdmin = false } = wanted
  if (!Number.isSafeInteger(quotaBytes) || quotaBytes < 0) throw invalid('quota', 'must be a number of bytes')
  if (description.length > maxDescription || !description.isWellFormed()) {
    throw invalid('description', `must be at most ${maxDescription} characters of text`)
  }
  const spellings = emails.map((email) => email.spelling)
  return {
    row: { name: name.spelling, emails: spellings, description, quotaBytes, enabled, isAdmin },
    name,
    emails,
  }
}

function readEmails(given: readonly string[], name: OwnAddress): readonly OwnAddress[] {
  if (given.length === 0) return [name]
  if (given.length > maxEmails) throw invalid('emails', `must be at most ${maxEmails}`)
  const emails = new Map<string, OwnAddress>()
  for (const [i, text] of given.entries()) {
    const email = readOwnAddress(text) ?? readCatchAll(text)
    if (email === undefined)
      throw invalid(`emails.${i}`, 'must be an e-mail address, or @domain for a catch-all')
    emails.set(email.spelling, email)
  }
  const all = [...emails.values()]
  if (all[0]!.local === '') throw invalid('emails.0', 'the primary address cannot be a catch-all')
  return all
}

/**
 * Throws Fault `invalid` where a domain is missing and `exists` where a name or an address is somebody else's.
 * In a write, `get` must be its `getForUpdate`: then whatever was looked at cannot change before the commit.
 */
export async function assertFree(tx: Pick<ReadTx, 'get'>, account: CheckedAccount): Promise<void> {
  for (const [property, { domain }] of named(account)) {
    if ((await tx.get(domainTable, domain)) === undefined) {
      throw invalid(property, `the domain ${domain} does not exist here; create it first`)
    }
  }
  // A name is nobody else's address and the other way round, since both can be signed in with.
  for (const [, { spelling, domain, local }] of named(account)) {
    const owner = (await tx.get(addressTable, domain, local)) ?? (await tx.get(accountNameTable, spelling))
    if (owner !== undefined)
      throw new Fault('exists', `${spelling} belongs to an account already`, { what: 'address' })
  }
}

const named = ({ name, emails }: CheckedAccount): readonly (readonly [string, OwnAddress])[] => [
  ['name', name],
  ...emails.map((email, i) => [`emails.${i}`, email] as const),
]

export function putAccount(tx: WriteTx, id: AccountId, account: CheckedAccount): void {
  tx.put(accountRowTable, [id], account.row)
  tx.put(accountNameTable, [account.name.spelling], id)
  for (const { domain, local } of account.emails) tx.put(addressTable, [domain, local], id)
}
