/**
 * IMAP flags and the keywords that are stored (RFC 8621 §4.1.1, RFC 5788): `\Seen` is the keyword `$seen`, and
 * so on; `\Deleted` is no keyword. Keywords are case-insensitive and kept in lower case.
 */
import { SyntaxFault } from '#base/fault.ts'

const systemFlags: ReadonlyMap<string, string> = new Map([
  ['\\seen', '$seen'],
  ['\\answered', '$answered'],
  ['\\flagged', '$flagged'],
  ['\\draft', '$draft'],
])

export interface GivenFlags {
  readonly keywords: readonly string[]
  readonly deleted: boolean
}

/**
 * Flags as a client wrote them. `\Recent` was never the client's to set and is passed over; other flags with
 * a backslash do not exist (RFC 9051 §2.3.2).
 */
export function readFlags(flags: readonly string[]): GivenFlags {
  const keywords = new Set<string>()
  let deleted = false
  for (const flag of flags) {
    const lower = flag.toLowerCase()
    const keyword = lower.startsWith('\\') ? systemFlags.get(lower) : lower
    if (keyword !== undefined) keywords.add(keyword)
    else if (lower === '\\deleted') deleted = true
    else if (lower !== '\\recent') throw new SyntaxFault('no such system flag', 0)
  }
  return { keywords: [...keywords].sort(), deleted }
}
