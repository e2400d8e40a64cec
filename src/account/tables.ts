/**
 * The rows of domains, accounts, addresses and credentials. All belong to the whole store, since they are
 * looked up before anybody knows the account; the letters `a d k l n p` of global keys are this folder's.
 *
 * What must always hold: an account's `name` has one row in `accountNameTable`, each of its addresses one in
 * `addressTable` whose domain exists, and a text stands for one account only in the two tables together.
 */
import type { AccountId } from '#base/id.ts'
import { PackReader, PackWriter } from '#base/pack.ts'
import { json, uint } from '#kv/codec.ts'
import { text, u32 } from '#kv/key.ts'
import { type Codec, globalTable } from '#kv/table.ts'

export interface AccountRow {
  readonly name: string
  /** As they are shown and sent; the first is primary. `@domain` is the domain's catch-all. */
  readonly emails: readonly string[]
  readonly description: string
  /** 0: no limit. */
  readonly quotaBytes: number
  readonly enabled: boolean
  readonly isAdmin: boolean
}

const enabledFlag = 1
const adminFlag = 2

const accountRow: Codec<AccountRow> = {
  encode(row) {
    const writer = new PackWriter()
      .u8((row.enabled ? enabledFlag : 0) | (row.isAdmin ? adminFlag : 0))
      .uint(row.quotaBytes)
      .text(row.name)
      .text(row.description)
      .uint(row.emails.length)
    for (const email of row.emails) writer.text(email)
    return writer.done()
  },
  decode(bytes) {
    const reader = new PackReader(bytes)
    const flags = reader.u8()
    const quotaBytes = reader.uint()
    const name = reader.text()
    const description = reader.text()
    const emails: string[] = []
    for (let left = reader.uint(); left > 0; left--) emails.push(reader.text())
    const enabled = (flags & enabledFlag) !== 0
    return { name, emails, description, quotaBytes, enabled, isAdmin: (flags & adminFlag) !== 0 }
  },
}

export const accountRowTable = globalTable({
  name: 'account',
  letter: 'a',
  key: [u32<AccountId>()],
  value: accountRow,
})

/** The folded name that somebody signs in with. */
export const accountNameTable = globalTable({
  name: 'account-name',
  letter: 'n',
  key: [text()],
  value: uint<AccountId>(),
})

/** Domain and folded local part; the empty local part is the domain's catch-all. */
export const addressTable = globalTable({
  name: 'address',
  letter: 'l',
  key: [text(), text()],
  value: uint<AccountId>(),
})

export interface DomainRow {
  readonly description: string
}

export const domainTable = globalTable({
  name: 'domain',
  letter: 'd',
  key: [text()],
  value: json<DomainRow>(),
})

/** The owner of the administrator's credential, which belongs to no account. Account ids begin at 1. */
export const administratorId = 0 as AccountId

/** The hash of the owner's password in PHC form. Without a row nobody can sign in. */
export const passwordTable = globalTable({
  name: 'password',
  letter: 'p',
  key: [u32<AccountId>()],
  value: json<string>(),
})

/** The last id that was given out, by kind. */
export const lastIdTable = globalTable({
  name: 'last-id',
  letter: 'k',
  key: [text<'account'>()],
  value: uint(),
})
