/**
 * Tables: typed rows over ordered bytes.
 *
 * A physical key is `A` account letter elements [kind] for rows of an account, and `G` letter elements for
 * rows of the whole store. Tables that share a letter and differ in kind lie row by row beside each other
 * (a message and its structure). Declared once, by the folder that owns the rows, never at run time.
 */
import { type KeyPart, readKey, writeKey } from './key.ts'
import type { AccountId } from '#base/id.ts'

export interface Codec<T> {
  encode(value: T): Uint8Array
  decode(bytes: Uint8Array): T
}

export interface Table<K extends readonly unknown[], V> {
  /** Unique, for humans and for `postern check`. */
  readonly name: string
  /** True where the first element is an AccountId: then the account's lock orders all writes. */
  readonly ofAccount: boolean
  readonly value: Codec<V>
  key(...elements: K): Uint8Array
  /** The common beginning of all keys that start with these elements. */
  prefix(...elements: readonly unknown[]): Uint8Array
  /** The elements of a physical key, undefined where the key is of another table. */
  elements(key: Uint8Array): K | undefined
}

type Parts<K extends readonly unknown[]> = { readonly [I in keyof K]: KeyPart<K[I]> }

const accountMark = 0x41
const globalMark = 0x47

/** All keys of an account have this beginning; the row with exactly this key is its sequence. */
export function accountPrefix(account: AccountId): Uint8Array {
  const key = Buffer.allocUnsafe(5)
  key[0] = accountMark
  key.writeUInt32BE(account, 1)
  return key
}

export const isOfAccount = (key: Uint8Array): boolean => key[0] === accountMark

/** The account that a physical key belongs to, undefined for rows of the whole store. */
export const accountOfKey = (key: Uint8Array): AccountId | undefined =>
  isOfAccount(key)
    ? ((((key[1]! << 24) | (key[2]! << 16) | (key[3]! << 8) | key[4]!) >>> 0) as AccountId)
    : undefined

export function accountTable<const K extends readonly unknown[], V>(o: {
  name: string
  letter: string
  key: Parts<K>
  kind?: number
  value: Codec<V>
}): Table<readonly [AccountId, ...K], V> {
  const letter = o.letter.charCodeAt(0)
  const parts = o.key as unknown as readonly KeyPart<never>[]
  const head = (account: AccountId): Uint8Array => {
    const bytes = Buffer.allocUnsafe(6)
    bytes[0] = accountMark
    bytes.writeUInt32BE(account, 1)
    bytes[5] = letter
    return bytes
  }
  return {
    name: o.name,
    ofAccount: true,
    value: o.value,
    key: (account, ...rest) => writeKey(head(account), parts, rest, o.kind),
    prefix: (account, ...rest) =>
      account === undefined
        ? Buffer.of(accountMark)
        : writeKey(head(account as AccountId), parts, rest, undefined),
    elements(key) {
      if (key[0] !== accountMark || key[5] !== letter) return undefined
      if (o.kind !== undefined && key[key.length - 1] !== o.kind) return undefined
      const account = accountOfKey(key)!
      return [account, ...readKey(key, 6, parts)] as unknown as readonly [AccountId, ...K]
    },
  }
}

export function globalTable<const K extends readonly unknown[], V>(o: {
  name: string
  letter: string
  key: Parts<K>
  kind?: number
  value: Codec<V>
}): Table<K, V> {
  const head = Buffer.of(globalMark, o.letter.charCodeAt(0))
  const parts = o.key as unknown as readonly KeyPart<never>[]
  return {
    name: o.name,
    ofAccount: false,
    value: o.value,
    key: (...elements) => writeKey(head, parts, elements, o.kind),
    prefix: (...elements) => writeKey(head, parts, elements, undefined),
    elements(key) {
      if (key[0] !== globalMark || key[1] !== head[1]) return undefined
      if (o.kind !== undefined && key[key.length - 1] !== o.kind) return undefined
      return readKey(key, 2, parts) as unknown as K
    },
  }
}
