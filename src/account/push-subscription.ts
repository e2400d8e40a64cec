/**
 * Push subscriptions (RFC 8620 §7.2): where an account's clients are told of changes when they are not connected.
 * Who signed in with another credential does not see them; they end with the credential that made them, and with the
 * key of the server that the push service knows them by (`push-keys.ts`). The letter `z` of global keys is this file's.
 *
 * What must always hold: `told` says up to where the client was told, and only rises when it was; so whatever breaks
 * off, the change log knows what is still to be told.
 */
import { randomBytes } from 'node:crypto'
import { Fault } from '#base/fault.ts'
import type { AccountId } from '#base/id.ts'
import type { Bus } from '#bus/bus.ts'
import { json } from '#kv/codec.ts'
import { hex, u32 } from '#kv/key.ts'
import { dropMark, lookByMark, putMark } from '#kv/mark.ts'
import { globalTable } from '#kv/table.ts'
import type { ReadTx, WriteTx } from '#kv/tx.ts'
import type { Access } from './access.ts'
import { credentialTable, passwordCredential, passwordTable } from './credential-tables.ts'
import { currentPushKey, pushKeyEnds } from './push-keys.ts'
import type { CredentialId } from './shown-once.ts'

export interface PushKeys {
  /** base64url */
  readonly p256dh: string
  readonly auth: string
}

export interface PushSubscriptionRow {
  /** What it was made with. */
  readonly credential: CredentialId
  /** Of a password: when that was set. */
  readonly passwordAt: number
  readonly deviceClientId: string
  readonly url: string
  readonly keys: PushKeys | null
  /** The public key of the server that it was made with. */
  readonly serverKey: string
  /** null: all. */
  readonly types: readonly string[] | null
  readonly createdAt: number
  readonly expiresAt: number
  /** What the client is to give back. */
  readonly code: string
  /** It was sent, or cannot be. */
  readonly isAsked: boolean
  readonly isVerified: boolean
  /** What the client was told last: see jmap/push-state.ts. */
  readonly told: string
}

/**
 * RFC 8620 §7.2: at least 48 hours, and better 7 days. So long one goes on that the client does not renew, and the
 * key that it was made with.
 */
export const longestSubscriptionMs = 7 * 86_400_000

/** 16 hex digits. */
export type PushSubscriptionId = string

export const pushSubscriptionTable = globalTable({
  name: 'push-subscription',
  letter: 'z',
  key: [u32<AccountId>(), hex<PushSubscriptionId>(8)],
  value: json<PushSubscriptionRow>(),
})

type Row = readonly [PushSubscriptionId, PushSubscriptionRow]

/** Of the credential that was signed in with, those that have not expired. */
export async function listPushSubscriptions(
  tx: ReadTx,
  access: Pick<Access, 'account' | 'credential'>,
  nowMs: number,
): Promise<readonly Row[]> {
  const rows = await tx.list(pushSubscriptionTable, [access.account])
  const of = await ownerOf(tx, access)
  const keyEnd = await pushKeyEnds(tx)
  return rows
    .filter(([, row]) => Math.min(row.expiresAt, keyEnd(row.serverKey)) > nowMs && isOf(row, of))
    .map(([[, id], row]) => [id, row] as const)
}

type Owner = Pick<PushSubscriptionRow, 'credential' | 'passwordAt'>

const isOf = (row: PushSubscriptionRow, { credential, passwordAt }: Owner): boolean =>
  row.credential === credential && row.passwordAt === passwordAt

async function ownerOf(
  tx: ReadTx,
  { account, credential = passwordCredential }: Pick<Access, 'account' | 'credential'>,
): Promise<Owner> {
  if (credential !== passwordCredential) return { credential, passwordAt: 0 }
  return { credential, passwordAt: (await tx.get(passwordTable, account))?.changedAt ?? 0 }
}

export type NewPushSubscription = Pick<
  PushSubscriptionRow,
  'deviceClientId' | 'url' | 'keys' | 'types' | 'createdAt' | 'expiresAt'
>

const markOf = (account: AccountId): string => `push subscriptions of ${account}`

/** Throws Fault `overQuota`. */
export async function createPushSubscription(
  tx: WriteTx,
  access: Pick<Access, 'account' | 'credential'>,
  wanted: NewPushSubscription,
  o: { readonly most: number },
): Promise<PushSubscriptionId> {
  const { account } = access
  await lookByMark(tx, markOf(account))
  const all = await tx.list(pushSubscriptionTable, [account])
  const live = all.filter(([, { expiresAt }]) => expiresAt > wanted.createdAt)
  if (live.length >= o.most)
    throw new Fault('overQuota', `An account may have ${o.most} push subscriptions.`, { limit: o.most })
  const id = randomBytes(8).toString('hex')
  putMark(tx, markOf(account))
  tx.put(pushSubscriptionTable, [account, id], {
    ...wanted,
    ...(await ownerOf(tx, access)),
    serverKey: (await currentPushKey(tx)).publicKey,
    code: randomBytes(24).toString('base64url'),
    isAsked: false,
    isVerified: false,
    told: '',
  })
  return id
}

/**
 * Whether it may still be used: it has not expired, nor the key of the server that it was made with, and what it was
 * made with still opens the account.
 */
export async function isPushSubscriptionLive(
  tx: ReadTx,
  account: AccountId,
  row: PushSubscriptionRow,
  nowMs: number,
): Promise<boolean> {
  const keyEnd = await pushKeyEnds(tx)
  if (Math.min(row.expiresAt, keyEnd(row.serverKey)) <= nowMs) return false
  if (row.credential === passwordCredential) return isOf(row, await ownerOf(tx, { account }))
  const made = await tx.get(credentialTable, account, row.credential)
  return made !== undefined && (made.expiresAt ?? Infinity) > nowMs
}

/** With an account that goes. */
export async function destroyPushSubscriptions(tx: WriteTx, account: AccountId): Promise<void> {
  await lookByMark(tx, markOf(account))
  for (const [key] of await tx.list(pushSubscriptionTable, [account])) tx.delete(pushSubscriptionTable, key)
  dropMark(tx, markOf(account))
}

const cache = 'push subscriptions'

/** After a commit: whoever sends looks at those of the account, or at all. */
export const tellPushSubscriptions = (bus: Bus, account: AccountId | 'all'): void =>
  bus.publish({ kind: 'forget', cache, key: String(account) })

export const onPushSubscriptions = (bus: Bus, changed: (account: AccountId | 'all') => void): Disposable =>
  bus.on('forget', ({ cache: which, key }) => {
    if (which === cache) changed(key === 'all' ? 'all' : (Number(key) as AccountId))
  })
