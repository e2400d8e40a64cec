/**
 * Message identifiers out of Message-ID, In-Reply-To and References (RFC 5322 §3.6.4), without their
 * angle brackets. Lists are bounded: of a very long References field the first (the thread's root) and
 * the last (the nearest ancestors) are what threading needs.
 */

/** Identifiers kept of one field. */
export const MAX_IDS = 50
/** RFC 5322 §2.1.1: no line, hence no identifier, is longer. */
const MAX_ID_LENGTH = 998

/** Every `<...>` of a field value, in order, without repetitions. */
export function messageIds(value: string): readonly string[] {
  const ids = new Set<string>()
  let first = ''
  for (let at = value.indexOf('<'); at >= 0;) {
    const end = value.indexOf('>', at + 1)
    if (end < 0) break
    // An identifier that never ended must not swallow the next one.
    const start = value.lastIndexOf('<', end)
    const id = value.slice(start + 1, end).replace(/[\s\0]+/g, '')
    if (id !== '' && id.length <= MAX_ID_LENGTH) {
      if (ids.size === 0) first = id
      ids.add(id)
    }
    at = value.indexOf('<', end + 1)
  }
  if (ids.size <= MAX_IDS) return [...ids]
  return [first, ...[...ids].slice(1 - MAX_IDS)]
}

/** The identifier of a Message-ID field; without brackets too, if it is one word with an "@". */
export function messageId(value: string): string | undefined {
  const [first] = messageIds(value)
  if (first !== undefined) return first
  const bare = value.trim()
  return bare.length <= MAX_ID_LENGTH && /^[^\s<>@]+@[^\s<>@]+$/.test(bare) ? bare : undefined
}
