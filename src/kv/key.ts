/**
 * Keys: tuples as bytes whose byte order is the tuples' order.
 *
 * Rows of an account begin with its id, so that all that one commit touches lies on few neighbouring pages
 * (worth up to six times on a B+tree). Letters are on disk: never change or reuse one.
 */
import { asBuffer } from '#base/bytes.ts'
import { SyntaxFault } from '#base/fault.ts'

/**
 * A key as text, one character a byte: how batches and tables in memory hold it, since text is compared,
 * hashed and looked up at once. Its order is the order of the bytes.
 */
export const keyText = (key: Uint8Array): string => asBuffer(key).toString('latin1')
export const keyBytes = (text: string): Uint8Array => Buffer.from(text, 'latin1')

/** One element of a key. `width` is undefined where the length varies. */
export interface KeyPart<T> {
  readonly width: number | undefined
  size(value: T): number
  write(into: Buffer, at: number, value: T): number
  read(from: Buffer, at: number): { value: T; next: number }
}

function fixed<T>(
  width: number,
  write: (into: Buffer, at: number, value: T) => void,
  read: (from: Buffer, at: number) => T,
): KeyPart<T> {
  return {
    width,
    size: () => width,
    write(into, at, value) {
      write(into, at, value)
      return at + width
    },
    read(from, at) {
      if (at + width > from.length) throw new SyntaxFault('short key', at)
      return { value: read(from, at), next: at + width }
    },
  }
}

export const u8 = <T extends number = number>(): KeyPart<T> =>
  fixed<T>(
    1,
    (b, at, v) => b.writeUInt8(v, at),
    (b, at) => b.readUInt8(at) as T,
  )

export const u32 = <T extends number = number>(): KeyPart<T> =>
  fixed<T>(
    4,
    (b, at, v) => b.writeUInt32BE(v, at),
    (b, at) => b.readUInt32BE(at) as T,
  )

export const u48 = <T extends number = number>(): KeyPart<T> =>
  fixed<T>(
    6,
    (b, at, v) => b.writeUIntBE(v, at, 6),
    (b, at) => b.readUIntBE(at, 6) as T,
  )

/** Bytes given as hex digits, `bytes` of them. */
export const hex = <T extends string = string>(bytes: number): KeyPart<T> =>
  fixed<T>(
    bytes,
    (b, at, v) => b.write(v, at, bytes, 'hex'),
    (b, at) => b.toString('hex', at, at + bytes) as T,
  )

/** UTF-8 text without NUL, which ends it. */
export const text = <T extends string = string>(): KeyPart<T> => ({
  width: undefined,
  size: (value) => Buffer.byteLength(value) + 1,
  write(into, at, value) {
    const end = at + into.write(value, at, 'utf8')
    into[end] = 0
    return end + 1
  },
  read(from, at) {
    const end = from.indexOf(0, at)
    if (end < 0) throw new SyntaxFault('unterminated key', at)
    return { value: from.toString('utf8', at, end) as T, next: end + 1 }
  },
})

/** Writes some elements of a key behind a fixed beginning; `last` is a byte after a complete key. */
export function writeKey(
  head: Uint8Array,
  parts: readonly KeyPart<never>[],
  values: readonly unknown[],
  last: number | undefined,
): Buffer {
  let size = head.length + (last === undefined ? 0 : 1)
  for (let i = 0; i < values.length; i++) size += parts[i]!.size(values[i] as never)
  const key = Buffer.allocUnsafe(size)
  key.set(head, 0)
  let at = head.length
  for (let i = 0; i < values.length; i++) at = parts[i]!.write(key, at, values[i] as never)
  if (last !== undefined) key[at] = last
  return key
}

export function readKey(key: Uint8Array, from: number, parts: readonly KeyPart<unknown>[]): unknown[] {
  const buffer = asBuffer(key)
  const values: unknown[] = []
  let at = from
  for (const part of parts) {
    const { value, next } = part.read(buffer, at)
    values.push(value)
    at = next
  }
  return values
}
