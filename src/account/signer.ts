/**
 * Whom a name that somebody signs in with means: an account by its name or by one of its exact addresses,
 * also in an alias of its domain. Groups and lists are nobody.
 */
import type { AccountId } from '#base/id.ts'
import type { ReadTx } from '#kv/tx.ts'
import { isDomainEnabled } from './access.ts'
import { isReceiving } from './address-list.ts'
import { readOwnAddress } from './address.ts'
import { accountNameTable, type AccountRow, accountRowTable, addressTable, domainTable } from './tables.ts'

export interface Signer {
  readonly id: AccountId
  readonly row: AccountRow
  /** Not by its name or primary address. */
  readonly byAlias: boolean
  readonly isDomainEnabled: boolean
}

export async function findSigner(tx: ReadTx, name: string): Promise<Signer | undefined> {
  const key = readOwnAddress(name)
  if (key === undefined) return undefined
  const given = await tx.get(domainTable, key.domain)
  const domain = given?.aliasOf ?? key.domain
  const spelling = `${key.local}@${domain}`
  const named = await tx.get(accountNameTable, spelling)
  const owner = named === undefined ? await tx.get(addressTable, domain, key.local) : undefined
  const id = named ?? (owner?.kind === 'account' ? owner.id : undefined)
  const row = id === undefined ? undefined : await tx.get(accountRowTable, id)
  if (id === undefined || row === undefined || row.type !== 'user') return undefined
  // An alias that is switched off is no name either.
  if (named === undefined && !isReceiving(row, spelling)) return undefined
  return {
    id,
    row,
    byAlias: named === undefined && row.emailAddress !== spelling,
    isDomainEnabled: await isDomainEnabled(tx, row),
  }
}
