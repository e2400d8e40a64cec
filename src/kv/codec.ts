/**
 * Codecs for the values of rows. Hot rows have hand-written codecs beside their tables; the rest is JSON,
 * which a person can read in a dump.
 */
import { asBuffer, empty } from '#base/bytes.ts'
import { PackReader, PackWriter } from '#base/pack.ts'
import type { Codec } from './table.ts'

export const rawBytes: Codec<Uint8Array> = { encode: (value) => value, decode: (bytes) => bytes }

/** For rows whose key says it all. */
export const nothing: Codec<true> = { encode: () => empty, decode: () => true }

export const uint = <T extends number = number>(): Codec<T> => ({
  encode: (value) => new PackWriter(8).uint(value).done(),
  decode: (bytes) => new PackReader(bytes).uint() as T,
})

export const ascendingUints = <T extends number = number>(): Codec<readonly T[]> => ({
  encode: (values) => new PackWriter(8 + values.length * 2).ascending(values).done(),
  decode: (bytes) => new PackReader(bytes).ascending() as T[],
})

export const json = <T>(): Codec<T> => ({
  encode: (value) => Buffer.from(JSON.stringify(value)),
  decode: (bytes) => JSON.parse(asBuffer(bytes).toString('utf8')) as T,
})
