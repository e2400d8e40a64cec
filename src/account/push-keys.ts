/**
 * The keys by which push services know this server (RFC 8292), the first made when it is asked for. A push service
 * takes messages of a subscription only with the key that the client named when it got its URL there, so each
 * subscription keeps the key that it was made with.
 *
 * What must always hold (RFC 9749 §5): everybody reads the key here, each time, so that sessions and new
 * subscriptions have the new one from the commit that exchanges it; what was made with the one before goes on for a
 * while, so that clients can make theirs anew, and not longer.
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { json } from '#kv/codec.ts'
import { globalTable } from '#kv/table.ts'
import type { ReadTx, WriteTx } from '#kv/tx.ts'

export interface PushKey {
  /** RFC 8292 §3.2: the point, uncompressed, in base64url. */
  readonly publicKey: string
  /** PKCS #8 in base64url. */
  readonly privateKey: string
}

interface PushKeysRow {
  readonly current: PushKey
  /** The last one, and until when it is used. */
  readonly before?: PushKey & { readonly until: number }
}

export const pushKeysTable = globalTable({
  name: 'push-keys',
  letter: 'J',
  key: [],
  value: json<PushKeysRow>(),
})

/** Of a public key of P-256, as `PushKey` has it. */
export function pointOf(publicKey: KeyObject): string {
  const { x, y } = publicKey.export({ format: 'jwk' })
  const point = [x!, y!].map((one) => Buffer.from(one, 'base64url'))
  return Buffer.concat([Buffer.of(4), ...point]).toString('base64url')
}

/** The key of what is made now. */
export async function currentPushKey(tx: WriteTx): Promise<PushKey> {
  const row = await tx.get(pushKeysTable)
  if (row !== undefined) return row.current
  const current = newKey()
  tx.put(pushKeysTable, [], { current })
  return current
}

/** The same, where it was made already. */
export const knownPushKey = async (tx: ReadTx): Promise<PushKey | undefined> =>
  (await tx.get(pushKeysTable))?.current

/** One that is still there, whether or not its time is over. */
export async function findPushKey(tx: ReadTx, publicKey: string): Promise<PushKey | undefined> {
  const row = await tx.get(pushKeysTable)
  return [row?.current, row?.before].find((key) => key?.publicKey === publicKey)
}

/** Until when a key is used: a time, `Infinity` for the current one, 0 for those that are not known any more. */
export async function pushKeyEnds(tx: ReadTx): Promise<(publicKey: string) => number> {
  const row = await tx.get(pushKeysTable)
  return (publicKey) => {
    if (publicKey === row?.current.publicKey) return Infinity
    return publicKey === row?.before?.publicKey ? row.before.until : 0
  }
}

/** Makes another key the current one. That before is used until then, where a time is given; older ones end now. */
export async function exchangePushKey(tx: WriteTx, until: number | undefined): Promise<PushKey> {
  const before = (await tx.get(pushKeysTable))?.current
  const current = newKey()
  const rest = before === undefined || until === undefined ? {} : { before: { ...before, until } }
  tx.put(pushKeysTable, [], { current, ...rest })
  return current
}

function newKey(): PushKey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  return {
    publicKey: pointOf(publicKey),
    privateKey: privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64url'),
  }
}
