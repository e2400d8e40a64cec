/**
 * Identities (RFC 8621 §6): as whom an account sends, with the name and signatures that go with it. Each address of
 * the account has one that the server makes; users add others, of any address that they may send as.
 *
 * What must always hold: an identity whose address the account may not use any more is gone. Addresses are changed
 * by those who run the server, and the rows follow when they are next asked for, in a change like any other.
 */
import { receivingAddresses, usedCatchAlls } from '#account/address-list.ts'
import { type AccountRow, accountRowTable } from '#account/tables.ts'
import { splitAddress } from '#base/domain-name.ts'
import { Fault } from '#base/fault.ts'
import type { AccountId } from '#base/id.ts'
import type { Db } from '#kv/db.ts'
import { json, uint } from '#kv/codec.ts'
import { u32 } from '#kv/key.ts'
import { accountTable } from '#kv/table.ts'
import type { ReadTx, WriteTx } from '#kv/tx.ts'
import type { IdentityId } from '#queue/submission-rows.ts'

interface NamedAddress {
  readonly name: string | null
  readonly email: string
}

export interface IdentityRow {
  readonly name: string
  /** An address, or `*@` and a domain. */
  readonly email: string
  readonly replyTo: readonly NamedAddress[] | null
  readonly bcc: readonly NamedAddress[] | null
  readonly textSignature: string
  readonly htmlSignature: string
  /** The server has made it: it is there as long as its address is. */
  readonly isGiven?: true
}

export interface Identity extends IdentityRow {
  readonly id: IdentityId
}

/** The letter `d` of account keys is this file's. */
const identityTable = accountTable({
  name: 'identity',
  letter: 'd',
  key: [u32<IdentityId>()],
  kind: 0,
  value: json<IdentityRow>(),
})

/** The id that was given out last. */
const lastIdentityTable = accountTable({
  name: 'last-identity',
  letter: 'd',
  key: [],
  kind: 1,
  value: uint<IdentityId>(),
})

/** Of one account, given ones aside. */
export const maxIdentities = 200

/** Whether an account may still send as an address that one of its identities has. */
export type MayStillSend = (email: string) => Promise<boolean>

const plain = { replyTo: null, bcc: null, textSignature: '', htmlSignature: '' } as const

/** The identities as they are, in the order in which they were made. */
export async function listIdentities(tx: ReadTx, account: AccountId): Promise<readonly Identity[]> {
  const rows = await tx.list(identityTable, [account])
  return rows.map(([[, id], row]) => ({ id, ...row }))
}

export async function readIdentity(
  tx: ReadTx,
  account: AccountId,
  id: IdentityId,
): Promise<Identity | undefined> {
  const row = await tx.get(identityTable, account, id)
  return row && { id, ...row }
}

/**
 * Makes the identities follow the addresses of the account. To be called before they are read; writes only where
 * something is to be changed. `mayStillSend` is asked about addresses that users have chosen.
 */
export async function followAddresses(db: Db, account: AccountId, mayStillSend: MayStillSend): Promise<void> {
  const { known, identities } = await db.read(async (tx) => ({
    known: await tx.get(accountRowTable, account),
    identities: await listIdentities(tx, account),
  }))
  if (known === undefined) return
  const lost = new Set<IdentityId>()
  for (const { id, email, isGiven } of identities)
    if (isGiven !== true && !(await mayStillSend(email))) lost.add(id)
  if (lost.size === 0 && differencesOf(known, identities).isNone) return
  await db.write([account], async (tx) => {
    const row = await tx.get(accountRowTable, account)
    if (row === undefined) return
    const current = await listIdentities(tx, account)
    const { missing, gone } = differencesOf(row, current)
    for (const { id } of current) if (gone.has(id) || lost.has(id)) await destroyRow(tx, account, id)
    for (const email of missing)
      await createIdentity(tx, account, { ...plain, email, name: row.description, isGiven: true })
  })
}

interface Differences {
  /** Addresses without an identity that the server made. */
  readonly missing: readonly string[]
  /** Those that the server made for addresses that are no more. */
  readonly gone: ReadonlySet<IdentityId>
  readonly isNone: boolean
}

function differencesOf(row: AccountRow, identities: readonly Identity[]): Differences {
  const addresses = new Set([...receivingAddresses(row), ...usedCatchAlls(row).map((all) => `*${all}`)])
  const given = identities.filter(({ isGiven }) => isGiven === true)
  const gone = new Set(given.filter(({ email }) => !addresses.has(email)).map(({ id }) => id))
  const known = new Set(given.map(({ email }) => email))
  const missing = [...addresses].filter((address) => !known.has(address))
  return { missing, gone, isNone: missing.length === 0 && gone.size === 0 }
}

/** Throws Fault `overQuota`. The account must be locked. */
export async function createIdentity(tx: WriteTx, account: AccountId, row: IdentityRow): Promise<IdentityId> {
  if (row.isGiven !== true) {
    const made = (await listIdentities(tx, account)).filter(({ isGiven }) => isGiven !== true)
    if (made.length >= maxIdentities)
      throw new Fault('overQuota', `there may be ${maxIdentities} identities`, { limit: maxIdentities })
  }
  const id = (((await tx.get(lastIdentityTable, account)) ?? 0) + 1) as IdentityId
  tx.put(lastIdentityTable, [account], id)
  tx.put(identityTable, [account, id], row)
  tx.changed(account, 'Identity', id, 'created')
  return id
}

/** Throws Fault `notFound`. The account must be locked. */
export async function updateIdentity(
  tx: WriteTx,
  account: AccountId,
  id: IdentityId,
  change: (before: Identity) => IdentityRow,
): Promise<void> {
  const before = await tx.get(identityTable, account, id)
  if (before === undefined) throw noIdentity()
  tx.put(identityTable, [account, id], change({ id, ...before }))
  tx.changed(account, 'Identity', id, 'updated')
}

/** Throws Fault `notFound`, and `forbidden` for one that the server has made. The account must be locked. */
export async function destroyIdentity(tx: WriteTx, account: AccountId, id: IdentityId): Promise<void> {
  const row = await tx.get(identityTable, account, id)
  if (row === undefined) throw noIdentity()
  // RFC 8621 §6: mayDelete.
  if (row.isGiven === true)
    throw new Fault('forbidden', 'the identity of an address of the account stays', { what: 'identity' })
  await destroyRow(tx, account, id)
}

async function destroyRow(tx: WriteTx, account: AccountId, id: IdentityId): Promise<void> {
  tx.delete(identityTable, [account, id])
  tx.changed(account, 'Identity', id, 'destroyed')
}

const noIdentity = (): Fault => new Fault('notFound', 'no such identity', { what: 'identity' })

/** Whether mail of this identity may have the address in From (RFC 8621 §6). */
export function identityCovers({ email }: Pick<IdentityRow, 'email'>, address: string): boolean {
  const own = splitAddress(email.startsWith('*@') ? `any${email.slice(1)}` : email)
  const given = splitAddress(address)
  if (own === undefined || given === undefined || own.domain !== given.domain) return false
  return email.startsWith('*@') || own.localPart.toLowerCase() === given.localPart.toLowerCase()
}
