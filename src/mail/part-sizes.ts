/**
 * How large parts are without their transfer encoding, which only reading them tells. What was counted once is
 * known for a while: bytes never change.
 */
import { Lru } from '#base/lru.ts'
import type { Maybe } from '#base/maybe.ts'
import { isIdentityEncoding, transferDecoder } from '#message/body.ts'
import type { Part } from '#message/structure.ts'
import type { StoredBytes } from './message-bytes.ts'

/** Some 150 bytes each. */
const kept = 50_000

export class PartSizes {
  readonly #known = new Lru<string, number>(kept)

  /** `encoded` gives the body as it stands in the message. */
  of(message: StoredBytes, part: Part, encoded: () => AsyncIterable<Uint8Array>): Maybe<number> {
    return this.known(message, part) ?? this.#count(message, part, encoded())
  }

  /** Undefined where the part must be read to know. */
  known(message: StoredBytes, part: Part): number | undefined {
    const { bodyStart, bodyEnd, encoding } = part
    if (isIdentityEncoding(encoding) || bodyStart === bodyEnd) return bodyEnd - bodyStart
    return this.#known.get(keyOf(message, part))
  }

  async #count(message: StoredBytes, part: Part, encoded: AsyncIterable<Uint8Array>): Promise<number> {
    const size = await decodedSize(encoded, part.encoding)
    this.#known.set(keyOf(message, part), size)
    return size
  }
}

const keyOf = ({ blob, prefix }: StoredBytes, { bodyStart, bodyEnd }: Part): string =>
  `${blob} ${bodyStart - prefix.length} ${bodyEnd - bodyStart}`

/** How many bytes are left without the encoding, which counts for nothing where it is unknown. */
export async function decodedSize(encoded: AsyncIterable<Uint8Array>, encoding: string): Promise<number> {
  const decoder = transferDecoder(encoding) ?? transferDecoder('')!
  let size = 0
  for await (const piece of encoded) size += decoder.push(piece).length
  return size + decoder.end().length
}
