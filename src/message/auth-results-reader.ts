/**
 * Reading Authentication-Results (RFC 8601 §2.2), as one's own server or a trusted one wrote them, and the
 * fields of a message that only pretend to be one's own (RFC 8601 §5).
 *
 * What must always hold: any text is read in linear time; comments and quotes hide what is in them; a field
 * of which it is not certain that it is somebody else's counts as forged. Text is one character per byte.
 */
import { latin1 } from '#base/bytes.ts'
import { normaliseDomain } from '#base/domain-name.ts'
import type { AuthResults, MethodResult, PropertyValue } from './auth-results.ts'
import { FieldScanner } from './headers.ts'

const mostResults = 100
const mostProperties = 50

/** The unfolded value of the field; undefined where it is malformed or of a version that is not known. */
export function parseAuthResults(text: string): AuthResults | undefined {
  return readPayload(new Reader(text))
}

/** The unfolded value of an ARC-Authentication-Results field (RFC 8617 §4.1.1). */
export function parseArcAuthResults(
  text: string,
): { readonly instance: number; readonly results: AuthResults } | undefined {
  const reader = new Reader(text)
  if (reader.keyword() !== 'i' || !reader.take('=')) return undefined
  const digits = reader.keyword()
  if (!/^\d{1,2}$/.test(digits) || !reader.take(';')) return undefined
  const results = readPayload(reader)
  return results === undefined ? undefined : { instance: Number(digits), results }
}

export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** Of one field, as much is looked at; who claims to have written it stands at its beginning. */
const longestHead = 16_384

/**
 * The Authentication-Results fields of a header that claim to be from one of these authserv-ids, as ranges
 * of bytes to be cut out, in order. Ids are compared without regard to case, as domains where they are some,
 * and so is what stands before a slash, which some servers put behind their name. Fields that are malformed
 * where the id should be, or of a version that is not known, are among them: others may read our id in them.
 */
export function forgedResults(header: Uint8Array, authservIds: readonly string[]): readonly ByteRange[] {
  const ours = new Set(authservIds.map(foldId))
  const forged: ByteRange[] = []
  const scanner = new FieldScanner(header)
  while (scanner.next()) {
    if (!scanner.is('authentication-results')) continue
    const reader = new Reader(scanner.value(longestHead))
    const id = readHead(reader)
    const isWhole = reader.peek(';') || scanner.end - scanner.valueStart <= longestHead
    const isForeign =
      isWhole && id !== undefined && !ours.has(foldId(id)) && !ours.has(foldId(id.split('/', 1)[0]!))
    if (!isForeign) forged.push({ start: scanner.nameStart, end: scanner.end })
  }
  return forged
}

const foldId = (id: string): string => normaliseDomain(id) ?? id.toLowerCase()

/** RFC 8601 §2.6: what follows an unknown version may be anything. */
const isKnownVersion = (version: string): boolean => version === '' || Number(version) === 1

/** Laxer than a token, for a slash and for UTF-8; nothing here begins a comment, an encoded word or a result. */
const possibleId = /^[^\s\p{Cc}"(),;<=>?[\\\]]+$/u

/** The authserv-id, with the reader behind it; undefined where no semicolon or end follows it. */
function readHead(reader: Reader): string | undefined {
  const id = reader.value()
  const version = reader.keyword()
  if (!possibleId.test(id) || !/^\d{0,9}$/.test(version) || !isKnownVersion(version)) return undefined
  return !reader.isBroken && (reader.atEnd || reader.peek(';')) ? id : undefined
}

function readPayload(reader: Reader): AuthResults | undefined {
  const authservId = readHead(reader)
  if (authservId === undefined) return undefined
  const results: MethodResult[] = []
  while (reader.take(';') && results.length < mostResults) {
    const result = readResult(reader)
    if (result !== undefined) results.push(result)
    reader.skipToSemicolon()
  }
  return { authservId, results }
}

/** What follows a semicolon; undefined for `none` and for what is no result that can be understood. */
function readResult(reader: Reader): MethodResult | undefined {
  const method = reader.keyword()
  const version = reader.take('/') ? reader.keyword() : ''
  if (method === '' || !isKnownVersion(version) || !reader.take('=')) return undefined
  const result = reader.keyword()
  if (result === '') return undefined
  let reason: string | undefined
  const properties: PropertyValue[] = []
  while (!reader.atEnd && !reader.peek(';') && properties.length < mostProperties) {
    const name = reader.keyword()
    const property = reader.take('.') ? reader.keyword() : undefined
    // What is not of this form is passed over, such as what other servers add without a dot.
    if (!reader.take('=')) {
      reader.skipValue()
      continue
    }
    const value = reader.value()
    if (property === undefined) {
      if (name === 'reason') reason ??= value
    } else if (name !== '' && property !== '') {
      properties.push({ ptype: name, property, value })
    }
  }
  return { method, result, ...(reason !== undefined && { reason }), properties }
}

/** Steps over the text; what it gives out is decoded from UTF-8. Comments and spaces are skipped before. */
class Reader {
  readonly #text: string
  #at = 0
  /** A quote or a comment did not end. */
  isBroken = false

  constructor(text: string) {
    this.#text = text
    this.#skip()
  }

  get atEnd(): boolean {
    return this.#at >= this.#text.length
  }

  peek(char: string): boolean {
    return this.#text[this.#at] === char
  }

  take(char: string): boolean {
    if (!this.peek(char)) return false
    this.#at++
    this.#skip()
    return true
  }

  /** In lower case; empty where there is none. */
  keyword(): string {
    const start = this.#at
    while (isKeywordChar(this.#text.charCodeAt(this.#at))) this.#at++
    const word = this.#text.slice(start, this.#at).toLowerCase()
    this.#skip()
    return word
  }

  /**
   * A quoted string without its quotes, or what stands there up to a space, a semicolon or a comment; an
   * address with a quoted local part keeps its quotes.
   */
  value(): string {
    const start = this.#at
    let value: string
    if (this.peek('"')) {
      value = this.#quoted()
      if (this.peek('@')) {
        this.#run()
        value = this.#text.slice(start, this.#at)
      }
    } else {
      this.#run()
      value = this.#text.slice(start, this.#at)
    }
    this.#skip()
    return latin1(value).toString('utf8')
  }

  /** Moves over a value, at least one character. */
  skipValue(): void {
    const before = this.#at
    this.value()
    if (this.#at === before) this.#at++
    this.#skip()
  }

  skipToSemicolon(): void {
    while (!this.atEnd && !this.peek(';')) this.skipValue()
  }

  #run(): void {
    while (this.#at < this.#text.length && !' \t;("'.includes(this.#text[this.#at]!)) this.#at++
  }

  #quoted(): string {
    let value = ''
    let from = ++this.#at
    for (; this.#at < this.#text.length; this.#at++) {
      const char = this.#text[this.#at]
      if (char === '\\') {
        value += this.#text.slice(from, this.#at)
        from = ++this.#at
      } else if (char === '"') {
        return value + this.#text.slice(from, this.#at++)
      }
    }
    this.isBroken = true
    return value + this.#text.slice(from)
  }

  /** Spaces and comments, which may be nested. */
  #skip(): void {
    let depth = 0
    for (; this.#at < this.#text.length; this.#at++) {
      const char = this.#text[this.#at]!
      if (char === '(') depth++
      else if (depth > 0 && char === ')') depth--
      else if (depth > 0 && char === '\\') this.#at++
      else if (depth === 0 && char !== ' ' && char !== '\t') return
    }
    if (depth > 0) this.isBroken = true
  }
}

/** Letters, digits, hyphens, and underscores, which occur. */
const isKeywordChar = (c: number): boolean =>
  (c >= 0x61 && c <= 0x7a) || (c >= 0x41 && c <= 0x5a) || (c >= 0x30 && c <= 0x39) || c === 0x2d || c === 0x5f
