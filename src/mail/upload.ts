/**
 * Uploads: bytes that a client has given to an account and that nothing refers to yet (RFC 8620 §6). They belong to
 * whoever uploaded them, also in a shared account, and to nobody else.
 *
 * What must always hold: a row has the link that keeps its bytes; what one user has uploaded to one account stays
 * within a quota, for which the oldest go first. The same bytes again are the same upload, which then is young. Where
 * one user has uploads in one account, one task waits that removes them (`upload-expiry.ts`).
 */
import { Fault } from '#base/fault.ts'
import type { AccountId, BlobHash } from '#base/id.ts'
import { PackReader, PackWriter } from '#base/pack.ts'
import type { Staged } from '#kv/backend.ts'
import { type BlobOwner, ownerKinds } from '#kv/blob-rows.ts'
import { hex, u32 } from '#kv/key.ts'
import { accountTable, type Codec } from '#kv/table.ts'
import { type TaskName, taskRow, taskTable } from '#kv/task-rows.ts'
import type { ReadTx, WriteTx } from '#kv/tx.ts'
import { countersTable } from './tables.ts'

export interface UploadRow {
  readonly sizeBytes: number
  /** Milliseconds. */
  readonly uploadedAt: number
}

const uploadCodec: Codec<UploadRow> = {
  encode: (row) => new PackWriter(16).uint(row.sizeBytes).uint(row.uploadedAt).done(),
  decode(bytes) {
    const from = new PackReader(bytes)
    return { sizeBytes: from.uint(), uploadedAt: from.uint() }
  },
}

/** By who uploaded it and what it is. */
export const uploadTable = accountTable({
  name: 'upload',
  letter: 'U',
  key: [u32<AccountId>(), hex<BlobHash>(32)],
  value: uploadCodec,
})

/** Of what one user uploads to one account. */
export interface UploadLimits {
  readonly bytes: number
  readonly count: number
  /** How long an upload is kept at least, where these limits allow it. */
  readonly ttlMs: number
}

export type UploadKey = readonly [AccountId, AccountId, BlobHash]

/** Bytes that are stored already, or were staged just now. */
export type UploadedBytes = Staged | { readonly stored: BlobHash; readonly sizeBytes: number }

/** What one user has uploaded to one account. */
export interface UploadsOf {
  readonly account: AccountId
  readonly uploader: AccountId
}

export const expiryName: TaskName<UploadsOf> = { name: 'mail.expire-uploads' }

/** Tasks are due at full minutes, so that what was uploaded together goes together. */
const minuteMs = 60_000

/** Lets a task remove what expires at that time. The account must be locked. */
export function scheduleExpiry(tx: WriteTx, uploads: UploadsOf, expiresAt: number): void {
  const { account, uploader } = uploads
  const id = Buffer.alloc(8)
  id.writeUInt32BE(account)
  id.writeUInt32BE(uploader, 4)
  const due = (Math.floor(expiresAt / minuteMs) + 1) * minuteMs
  tx.put(taskTable, [due, id.toString('hex')], taskRow(expiryName, uploads))
}

export const ownerOfUpload = (account: AccountId, uploader: AccountId): BlobOwner => ({
  account,
  kind: ownerKinds.upload,
  id: uploader,
})

/**
 * Keeps bytes as an upload; as many of the oldest as the limits demand make room for it (RFC 8620 §6). Throws
 * Fault('notFound') where stored bytes are gone. The account must be locked.
 */
export async function keepUpload(
  tx: WriteTx,
  account: AccountId,
  uploader: AccountId,
  bytes: UploadedBytes,
  o: { readonly now: number; readonly limits: UploadLimits },
): Promise<BlobHash> {
  if ((await tx.get(countersTable, account)) === undefined)
    throw new Fault('notFound', 'no such account', { what: 'account' })
  const owner = ownerOfUpload(account, uploader)
  const hash = 'stored' in bytes ? bytes.stored : bytes.hash
  const others = await tx.list(uploadTable, [account, uploader])
  const oldestFirst = others
    .filter(([[, , other]]) => other !== hash)
    .sort(([, a], [, b]) => a.uploadedAt - b.uploadedAt)
  let count = oldestFirst.length + 1
  let sum = oldestFirst.reduce((all, [, row]) => all + row.sizeBytes, bytes.sizeBytes)
  for (const [key, row] of oldestFirst) {
    const isExpired = row.uploadedAt < o.now - o.limits.ttlMs
    if (!isExpired && count <= o.limits.count && sum <= o.limits.bytes) break
    removeUpload(tx, key)
    count--
    sum -= row.sizeBytes
  }
  // Where there are others the task waits already, and is due before this one expires.
  if (others.length === 0) scheduleExpiry(tx, { account, uploader }, o.now + o.limits.ttlMs)
  if ('stored' in bytes) await tx.link(hash, owner)
  else tx.attach(bytes, owner)
  tx.put(uploadTable, [account, uploader, hash], { sizeBytes: bytes.sizeBytes, uploadedAt: o.now })
  return hash
}

/** Undefined for what somebody else uploaded as well as for what is not there. */
export const findUpload = async (
  tx: ReadTx,
  account: AccountId,
  uploader: AccountId,
  hash: BlobHash,
): Promise<UploadRow | undefined> => tx.get(uploadTable, account, uploader, hash)

/** The account must be locked. */
export function removeUpload(tx: WriteTx, [account, uploader, hash]: UploadKey): void {
  tx.unlink(hash, ownerOfUpload(account, uploader))
  tx.delete(uploadTable, [account, uploader, hash])
}
