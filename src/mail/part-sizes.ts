/**
 * How large parts are without their transfer encoding, which only reading them tells. What was counted once is
 * known for a while: bytes never change.
 */
import { Lru } from '#base/lru.ts'
import { isIdentityEncoding, transferDecoder } from '#message/body.ts'
import type { Part } from '#message/structure.ts'
import type { StoredBytes } from './message-bytes.ts'

/** Some 150 bytes each. */
const kept = 50_000

export class PartSizes {
  readonly #known = new Lru<string, number>(kept)
  /** `encoded` gives the body as it stands in the message. */
  async of(message: StoredBytes, part: Part, encoded: () => AsyncIterable<Uint8Array>): Promise<number> {
    const { bodyStart, bodyEnd, encoding } = part
    if (isIdentityEncoding(encoding) || bodyStart === bodyEnd) return bodyEnd - bodyStart
    const key = `${message.blob} ${bodyStart - message.prefix.length} ${bodyEnd - bodyStart}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const size = await decodedSize(encoded(), encoding)
    this.#known.set(key, size)
    return size
  }
}

/** How many bytes are left without the encoding, which counts for nothing where it is unknown. */
export async function decodedSize(encoded: AsyncIterable<Uint8Array>, encoding: string): Promise<number> {
  const decoder = transferDecoder(encoding) ?? transferDecoder('')!
  let size = 0
  for await (const piece of encoded) size += decoder.push(piece).length
  return size + decoder.end().length
}
