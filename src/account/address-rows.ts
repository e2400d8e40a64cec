/**
 * The rows by which addresses lead to their owners: written and removed together with the owner's row.
 *
 * What must always hold: of two who want the same address one gets Fault `exists`; an address is in a domain
 * that exists and is no alias of another, also where that is deleted at the same moment; a name that somebody signs in with is nobody else's address.
 */
import { unicodeDomain } from '#base/domain-name.ts'
import { Fault } from '#base/fault.ts'
import { dropMark, lookByMark, putMark } from '#kv/mark.ts'
import type { ReadTx, WriteTx } from '#kv/tx.ts'
import { type OwnedAddress, readOwned } from './own-address.ts'
import {
  accountNameTable,
  type AddressOwner,
  addressTable,
  domainTable,
  isSameOwner,
  patternTable,
} from './tables.ts'

/** Where in what was given an address stands, for messages. */
export interface PlacedAddress {
  readonly property: string
  readonly address: string
}

const keyOf = (address: string): OwnedAddress => {
  const key = readOwned(address)
  if (key === undefined) throw new Error('an address that was stored is none')
  return key
}

/** Throws Fault `exists`, and `invalid` where a domain is none of this server. */
export async function assertAddressesFree(
  tx: Pick<ReadTx, 'get'>,
  owner: AddressOwner | undefined,
  placed: readonly PlacedAddress[],
): Promise<void> {
  for (const { property, address } of placed) {
    const key = keyOf(address)
    await assertDomain(tx, key.domain, property)
    const table = key.kind === 'pattern' ? patternTable : addressTable
    const other = await tx.get(table, key.domain, key.local)
    if (other !== undefined && (owner === undefined || !isSameOwner(other, owner))) throw taken(key, property)
    const named = key.kind === 'exact' ? await tx.get(accountNameTable, key.spelling) : undefined
    if (named !== undefined && (owner?.kind !== 'account' || owner.id !== named)) throw taken(key, property)
  }
}

async function assertDomain(tx: Pick<ReadTx, 'get'>, domain: string, property: string): Promise<void> {
  const row = await tx.get(domainTable, domain)
  const problem =
    row === undefined
      ? `the domain ${domain} does not exist here; create it first`
      : row.aliasOf === undefined
        ? undefined
        : `${domain} is another name of ${row.aliasOf}; use that`
  if (problem === undefined) return
  throw new Fault('invalid', `${property}: ${problem}`, {
    properties: [property],
    problems: [{ property, problem }],
  })
}

const taken = ({ spelling }: OwnedAddress, property: string): Fault =>
  new Fault('exists', `${property}: ${spelling} is taken already`, { what: 'address' })

/** Makes the rows those of `after`, given that they are those of `before`. */
export function putAddresses(
  tx: WriteTx,
  owner: AddressOwner,
  before: readonly string[],
  after: readonly string[],
): void {
  const kept = new Set(after)
  const had = new Set(before)
  for (const address of had) {
    if (kept.has(address)) continue
    const { kind, domain, local } = keyOf(address)
    tx.delete(kind === 'pattern' ? patternTable : addressTable, [domain, local])
  }
  for (const address of kept) {
    const { kind, domain, local } = keyOf(address)
    tx.put(kind === 'pattern' ? patternTable : addressTable, [domain, local], owner)
    if (!had.has(address)) putMark(tx, markOf(domain))
  }
}

/** Throws Fault `conflict` where anything has an address in the domain, which is about to be deleted. */
export async function assertNoAddresses(tx: WriteTx, domain: string): Promise<void> {
  await lookByMark(tx, markOf(domain))
  const addresses = await tx.list(addressTable, [domain], { limit: 1 })
  const patterns = await tx.list(patternTable, [domain], { limit: 1 })
  if (addresses.length + patterns.length > 0)
    throw new Fault(
      'conflict',
      `${unicodeDomain(domain)} still has addresses; delete its accounts and lists first`,
      {},
    )
  dropMark(tx, markOf(domain))
}

const markOf = (domain: string): string => `addresses of ${domain}`
