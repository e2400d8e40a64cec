/**
 * Authentication-Results (RFC 8601) and the same payload in ARC-Authentication-Results (RFC 8617 §4.1.1): what
 * a server found out about a message, and writing it down.
 *
 * What must always hold: whatever the values are, which mostly come from the sender, a field that is written
 * reads back as these results and no others; its lines are folded and none is longer than mail allows.
 */

export interface PropertyValue {
  /** `smtp`, `header`, `body` or `policy`. */
  readonly ptype: string
  readonly property: string
  readonly value: string
}

export interface MethodResult {
  /** Such as `spf`, `dkim`, `dmarc`, `arc`, `iprev`, `auth`. */
  readonly method: string
  readonly result: string
  readonly reason?: string
  /** What was looked at to come to this result. */
  readonly properties: readonly PropertyValue[]
}

export interface AuthResults {
  /** Who says so: a name of the server or of its organization. */
  readonly authservId: string
  /** Empty: no method was applied (`none`). */
  readonly results: readonly MethodResult[]
}

export interface ComposeOptions {
  /** The header may have UTF-8 (RFC 6532); otherwise a question mark stands for what is not ASCII. */
  readonly utf8?: boolean
}

/** "Authentication-Results: ...\r\n". */
export const composeAuthResults = (results: AuthResults, o: ComposeOptions = {}): string =>
  fold('Authentication-Results:', payload(results, o))

/** "ARC-Authentication-Results: i=1; ...\r\n". */
export const composeArcAuthResults = (
  instance: number,
  results: AuthResults,
  o: ComposeOptions = {},
): string => fold(`ARC-Authentication-Results: i=${instance};`, payload(results, o))

/** The parts of the payload, each of which begins a line. */
function payload({ authservId, results }: AuthResults, o: ComposeOptions): readonly string[] {
  const cleanId = clean(authservId, o)
  const id = token.test(cleanId) ? cleanId : quote(cleanId)
  if (results.length === 0) return [`${id}; none`]
  const last = results.length - 1
  return [`${id};`, ...results.map((one, i) => `${resinfo(one, o)}${i < last ? ';' : ''}`)]
}

function resinfo({ method, result, reason, properties }: MethodResult, o: ComposeOptions): string {
  return [
    `${keyword(method)}=${keyword(result)}`,
    ...(reason === undefined ? [] : [`reason=${quote(clean(reason, o))}`]),
    ...properties.map(
      ({ ptype, property, value }) => `${keyword(ptype)}.${keyword(property)}=${composeValue(value, o)}`,
    ),
  ].join(' ')
}

const longestKeyword = 40

/** RFC 5321 §4.1.2: letters, digits and hyphens, neither first nor last a hyphen. */
const keyword = (text: string): string =>
  text
    .slice(0, longestKeyword)
    .toLowerCase()
    .replace(/[^a-z0-9-]+|^-+|-+$/g, '') || 'unknown'

/** A local part and a domain of the longest kind. */
const longestValue = 512

/** On one line, without control characters, and without what the header cannot have. */
function clean(text: string, { utf8 = false }: ComposeOptions): string {
  const line = text
    .slice(0, longestValue)
    .toWellFormed()
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
  return utf8 ? line : line.replace(/[^\x20-\x7e]/gu, '?')
}

/** RFC 2045 §5.1. */
const token = /^[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+$/
/** RFC 8601 §2.2 pvalue: an address, or its domain behind an `@`. */
const address =
  /^(?:[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~.\u{80}-\u{10ffff}]+|"(?:[^"\\]|\\.)*"|)@[A-Za-z0-9._\-\u{80}-\u{10ffff}]+$/u

function composeValue(text: string, o: ComposeOptions): string {
  const value = clean(text, o)
  return token.test(value) || (address.test(value) && isShort(value)) ? value : quote(value)
}

/** RFC 5322 §2.1.1 allows 998 octets in a line; the name of a property stands before a value. */
const isShort = (written: string): boolean => Buffer.byteLength(written) <= 850

function quote(text: string): string {
  const written = `"${text.replace(/["\\]/g, '\\$&')}"`
  return isShort(written)
    ? written
    : quote(
        text
          .slice(0, text.length >> 1)
          .toWellFormed()
          .trim(),
      )
}

const preferredLine = 78

/**
 * `start` and the parts, each on lines of its own from the second on. A fold leaves one space, so that
 * nothing changes where it is inside quotes.
 */
function fold(start: string, parts: readonly string[]): string {
  let out = start
  let column = start.length
  for (const [i, part] of parts.entries()) {
    for (const [j, word] of part.split(' ').entries()) {
      const breaks = (i > 0 && j === 0) || column + 1 + word.length > preferredLine
      out += breaks ? `\r\n ${word}` : ` ${word}`
      column = (breaks ? 0 : column) + 1 + word.length
    }
  }
  return `${out}\r\n`
}
