/** The check of the keys by which push services know the server: each is a key, and public and private part are one. */
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { anyRowTable, type FindingKind, keyInHex, openRow, rowPages, type Trouble } from '#kv/check.ts'
import type { Db } from '#kv/db.ts'
import { pointOf, type PushKey, pushKeysTable } from './push-keys.ts'

const kinds = {
  current: {
    name: 'push-key-damaged',
    means: 'The key by which push services know the server is none: clients are told of no changes.',
    repair:
      'It is removed, and another one is made when it is asked for; push subscriptions that were made with it end, and clients make them anew.',
  },
  before: {
    name: 'push-key-before-damaged',
    means:
      'The key that push services knew the server by before is none: some clients are told of no changes.',
    repair: 'It is removed; push subscriptions that were made with it end, and clients make them anew.',
  },
} as const satisfies Record<string, FindingKind>

export async function* pushKeyTroubles(db: Db): AsyncGenerator<Trouble> {
  for await (const page of rowPages(db, pushKeysTable.prefix())) {
    for (const row of page) {
      const value = openRow(pushKeysTable, row)?.value
      if (!isKey(value?.current)) {
        const fix: Trouble['fix'] = (tx) => tx.delete(anyRowTable, [row[0]])
        yield { kind: kinds.current, what: `key ${keyInHex(row[0])}`, fix }
      } else if (
        value?.before !== undefined &&
        !(isKey(value.before) && Number.isFinite(value.before.until))
      ) {
        const { current } = value
        const fix: Trouble['fix'] = (tx) => tx.put(pushKeysTable, [], { current })
        yield { kind: kinds.before, what: 'the key before', fix }
      }
    }
  }
}

function isKey(given: Partial<PushKey> | undefined): boolean {
  if (typeof given?.privateKey !== 'string') return false
  try {
    const pkcs8 = Buffer.from(given.privateKey, 'base64url')
    const key = createPublicKey(createPrivateKey({ key: pkcs8, type: 'pkcs8', format: 'der' }))
    return key.asymmetricKeyDetails?.namedCurve === 'prime256v1' && pointOf(key) === given.publicKey
  } catch {
    return false
  }
}
