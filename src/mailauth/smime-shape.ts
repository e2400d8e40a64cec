/**
 * A look at the outside of BER before a library that recurses reads it: sizes and depth are bounded, and every
 * length stays inside of what it is in. Linear in the bytes.
 */

const deepest = 32
const mostElements = 20_000

/** Whether the bytes are one BER element of at most this size, whose parts nest as deep as such things do. */
export function hasRightShape(bytes: Uint8Array, largest: number): boolean {
  if (bytes.length === 0 || bytes.length > largest) return false
  /** Where each open element ends; undefined for one whose end is marked (X.690 §8.1.3.6). */
  const ends: (number | undefined)[] = []
  let at = 0
  for (let elements = 0; at < bytes.length; elements++) {
    if (elements === mostElements) return false
    while (ends.length > 0 && ends.at(-1) === at) ends.pop()
    if (ends.length === 0 && at > 0) return false
    if (bytes[at] === 0 && bytes[at + 1] === 0 && ends.length > 0 && ends.at(-1) === undefined) {
      ends.pop()
      at += 2
      continue
    }
    const head = readHead(bytes, at)
    if (head === undefined) return false
    const end = head.length === undefined ? undefined : head.bodyAt + head.length
    const limit = ends.findLast((one) => one !== undefined) ?? bytes.length
    if (end !== undefined && end > limit) return false
    if (!head.isConstructed) {
      if (end === undefined) return false
      at = end
      continue
    }
    if (ends.length === deepest) return false
    ends.push(end)
    at = head.bodyAt
  }
  while (ends.length > 0 && ends.at(-1) === at) ends.pop()
  return ends.length === 0
}

function readHead(
  bytes: Uint8Array,
  at: number,
):
  | { readonly isConstructed: boolean; readonly bodyAt: number; readonly length: number | undefined }
  | undefined {
  const tag = bytes[at]!
  // No structure here has tags of several bytes.
  if ((tag & 0x1f) === 0x1f) return undefined
  const isConstructed = (tag & 0x20) !== 0
  const first = bytes[at + 1]
  if (first === undefined) return undefined
  if (first < 0x80) return { isConstructed, bodyAt: at + 2, length: first }
  const count = first & 0x7f
  if (count === 0) return { isConstructed, bodyAt: at + 2, length: undefined }
  if (count > 4 || at + 2 + count > bytes.length) return undefined
  let length = 0
  for (let i = 0; i < count; i++) length = length * 256 + bytes[at + 2 + i]!
  return { isConstructed, bodyAt: at + 2 + count, length }
}
