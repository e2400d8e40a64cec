/**
 * Small tools on bytes. Nothing here decodes text beyond ASCII and Latin-1: text is decoded at the leaf.
 */

export const empty: Uint8Array = new Uint8Array(0)

/** The bytes of a string whose characters are all below 256. */
export const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')

/** The same memory as a Buffer, without a copy. */
export const asBuffer = (bytes: Uint8Array): Buffer =>
  bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

export const equalBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && asBuffer(a).equals(b)

/** True where `text`, given in lower case, stands at `at` in any ASCII case. */
export function hasAsciiAt(bytes: Uint8Array, at: number, text: string): boolean {
  if (at + text.length > bytes.length) return false
  for (let i = 0; i < text.length; i++) {
    const c = bytes[at + i]!
    const lower = c >= 0x41 && c <= 0x5a ? c | 0x20 : c
    if (lower !== text.charCodeAt(i)) return false
  }
  return true
}

/** The first key that sorts after every key with this prefix; undefined where no such key exists. */
export function afterPrefix(prefix: Uint8Array): Uint8Array | undefined {
  for (let i = prefix.length - 1; i >= 0; i--) {
    if (prefix[i] !== 0xff) {
      // Not slice, which for a Buffer would share the memory.
      const end = Uint8Array.from(prefix.subarray(0, i + 1))
      end[i]!++
      return end
    }
  }
  return undefined
}
