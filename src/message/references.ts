/**
 * Message identifiers out of Message-ID, In-Reply-To and References (RFC 5322 §3.6.4), without their
 * angle brackets. Lists are bounded: of a very long References field the first (the thread's root) and
 * the last (the nearest ancestors) are what threading needs.
 */

/** Identifiers kept of one field. */
export const MAX_IDS = 50
/** RFC 5322 §2.1.1: no line, hence no identifier, is longer. */
const MAX_ID_LENGTH = 998

/** Every `<...>` of a field value, in order; one that follows itself counts once. */
export function messageIds(value: string): readonly string[] {
  const ids: string[] = []
  for (let at = value.indexOf('<'); at >= 0;) {
    const end = value.indexOf('>', at + 1)
    if (end < 0) break
    // An identifier that never ended must not swallow the next one.
    const start = value.lastIndexOf('<', end)
    const id = value.slice(start + 1, end).replace(/[\s\0]+/g, '')
    if (id !== '' && id.length <= MAX_ID_LENGTH && id !== ids.at(-1)) ids.push(id)
    at = value.indexOf('<', end + 1)
  }
  return ids.length <= MAX_IDS ? ids : [ids[0]!, ...ids.slice(1 - MAX_IDS)]
}

/** The identifier of a Message-ID field; without brackets too, if it is one word with an "@". */
export function messageId(value: string): string | undefined {
  const [first] = messageIds(value)
  if (first !== undefined) return first
  const bare = value.trim()
  return bare.length <= MAX_ID_LENGTH && /^[^\s<>@]+@[^\s<>@]+$/.test(bare) ? bare : undefined
}

/**
 * An identifier as it is compared where messages are threaded: quoting that means nothing is taken off (RFC 5256
 * §3, REFERENCES). Undefined for what is not `left@right`.
 */
export function comparedId(id: string): string | undefined {
  const at = id.lastIndexOf('@')
  if (at <= 0 || at === id.length - 1) return undefined
  if (id.charCodeAt(0) !== 0x22) return id
  const quoted = /^"((?:[^"\\]|\\.)*)"$/s.exec(id.slice(0, at))
  return quoted === null ? id : quoted[1]!.replace(/\\(.)/gs, '$1') + id.slice(at)
}
