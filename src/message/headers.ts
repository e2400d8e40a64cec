/**
 * Header fields with their offsets, and what is done with a header as bytes: unfold a value, select
 * fields for `BODY[HEADER.FIELDS (...)]`. Nothing here copies or decodes more than it is asked for.
 *
 * Where a header ends is decided by `lineKind` and by nothing else, so that every reader agrees
 * (RFC 5322 §2.2, RFC 7103 §7.2): at the first empty line; a line that is no field continues the field
 * before it, unless it begins with two dashes, which more likely begin a multipart's body; a first line
 * that is no field means that there is no header.
 */
import { asBuffer, hasAsciiAt } from '#base/bytes.ts'

const LF = 0x0a
const CR = 0x0d
const SPACE = 0x20
const TAB = 0x09
const COLON = 0x3a
const DASH = 0x2d

/** No decision about a line looks further than this, so a line of any length costs fixed memory. */
export const LINE_PREFIX = 1024

/** `mbox` is a "From " separator line that some program left in front of the header. */
export type LineKind = 'empty' | 'field' | 'continuation' | 'junk' | 'dashes' | 'mbox'

/** What the line `bytes[start, end)`, given without its line end, means inside a header. */
export function lineKind(bytes: Uint8Array, start: number, end: number): LineKind {
  if (start >= end) return 'empty'
  const first = bytes[start]!
  if (first === SPACE || first === TAB) return 'continuation'
  const limit = end - start > LINE_PREFIX ? start + LINE_PREFIX : end
  let at = start
  while (at < limit && bytes[at]! > SPACE && bytes[at]! < 0x7f && bytes[at] !== COLON) at++
  if (at > start) {
    let colon = at
    while (colon < limit && (bytes[colon] === SPACE || bytes[colon] === TAB)) colon++
    if (colon < limit && bytes[colon] === COLON) return 'field'
  }
  if (first === DASH && end - start > 1 && bytes[start + 1] === DASH) return 'dashes'
  return hasAsciiAt(bytes, start, 'from ') || hasAsciiAt(bytes, start, '>from ') ? 'mbox' : 'junk'
}

/** One field: its name is `[nameStart, nameEnd)`, its raw value `[valueStart, end)` with the line end. */
export interface HeaderField {
  readonly nameStart: number
  readonly nameEnd: number
  readonly valueStart: number
  readonly end: number
}

/**
 * Steps over the fields of a header without allocating. Offsets are those of the bytes given. The scan
 * ends after the first empty line, at `limit`, or before a line that cannot stand in a header.
 */
export class FieldScanner implements HeaderField {
  readonly bytes: Buffer
  readonly limit: number
  nameStart = 0
  nameEnd = 0
  valueStart = 0
  end: number
  /** After the last field: where the body begins, behind the empty line if there is one. */
  headerEnd: number

  constructor(bytes: Uint8Array, start = 0, limit: number = bytes.length) {
    this.bytes = asBuffer(bytes)
    this.limit = limit
    this.end = start
    this.headerEnd = start
  }

  /** Moves to the next field; false when there is none. */
  next(): boolean {
    const { bytes, limit } = this
    let at = this.end
    while (at < limit) {
      const next = this.#lineEnd(at)
      const kind = lineKind(bytes, at, trimLineEnd(bytes, at, next))
      if (kind === 'field') {
        this.#setField(at, next)
        return true
      }
      if (kind !== 'empty' && kind !== 'mbox') break
      at = next
      if (kind === 'empty') break
    }
    this.end = limit
    this.headerEnd = at
    return false
  }

  #setField(start: number, firstLineEnd: number): void {
    const { bytes, limit } = this
    let colon = start
    while (bytes[colon] !== COLON) colon++
    let nameEnd = colon
    while (bytes[nameEnd - 1] === SPACE || bytes[nameEnd - 1] === TAB) nameEnd--
    let end = firstLineEnd
    while (end < limit) {
      const first = bytes[end]!
      const next = this.#lineEnd(end)
      if (first !== SPACE && first !== TAB) {
        const kind = lineKind(bytes, end, trimLineEnd(bytes, end, next))
        if (kind === 'field' || kind === 'empty' || kind === 'dashes') break
      }
      end = next
    }
    this.nameStart = start
    this.nameEnd = nameEnd
    this.valueStart = colon + 1
    this.end = end
  }

  #lineEnd(at: number): number {
    const lf = this.bytes.indexOf(LF, at)
    return lf < 0 || lf >= this.limit ? this.limit : lf + 1
  }

  /** True where the field's name is `lowerCase`. */
  is(lowerCase: string): boolean {
    return (
      this.nameEnd - this.nameStart === lowerCase.length && hasAsciiAt(this.bytes, this.nameStart, lowerCase)
    )
  }

  /** The unfolded value, one character per byte; at most `maxBytes` of the raw value are looked at. */
  value(maxBytes: number): string {
    return unfold(this.bytes, this.valueStart, Math.min(this.end, this.valueStart + maxBytes))
  }
}

/** The fields of a header, first to last. */
export function* headerFields(bytes: Uint8Array): Generator<HeaderField> {
  const scanner = new FieldScanner(bytes)
  while (scanner.next()) {
    const { nameStart, nameEnd, valueStart, end } = scanner
    yield { nameStart, nameEnd, valueStart, end }
  }
}

/** `end`, moved before the line end that stands in front of it (CRLF or a bare LF). */
function trimLineEnd(bytes: Uint8Array, start: number, end: number): number {
  if (end > start && bytes[end - 1] === LF) {
    end--
    if (end > start && bytes[end - 1] === CR) end--
  }
  return end
}

const isBreak = (byte: number): boolean => byte === LF || byte === CR || byte === 0

/**
 * A field value without its folding (RFC 5322 §2.2.3) and without space around it, one character per
 * byte. A line break that is not followed by white space becomes a space (RFC 7103 §7.2), NUL is dropped.
 */
export function unfold(bytes: Uint8Array, start: number, end: number): string {
  while (start < end && bytes[start]! <= SPACE) start++
  while (end > start && bytes[end - 1]! <= SPACE) end--
  let at = start
  while (at < end && !isBreak(bytes[at]!)) at++
  if (at === end) return asBuffer(bytes).toString('latin1', start, end)
  const out = Buffer.allocUnsafe(end - start)
  let length = 0
  for (at = start; at < end; at++) {
    const byte = bytes[at]!
    if (!isBreak(byte)) {
      out[length++] = byte
      continue
    }
    if (byte === 0) continue
    if (byte === CR && bytes[at + 1] === LF) at++
    const next = bytes[at + 1]
    if (next !== SPACE && next !== TAB && next !== LF && next !== CR) out[length++] = SPACE
  }
  return out.toString('latin1', 0, length)
}

/** The value of the first field of that name (given in lower case), unfolded; undefined where absent. */
export function fieldValue(bytes: Uint8Array, lowerCaseName: string, maxBytes = 65_536): string | undefined {
  const scanner = new FieldScanner(bytes)
  while (scanner.next()) if (scanner.is(lowerCaseName)) return scanner.value(maxBytes)
  return undefined
}

/**
 * The fields of a header that have one of these names, or with `not` all others, as they stand in the
 * message, followed by the header's empty line if it has one (RFC 9051 §6.4.5.1). Names match in any case.
 */
export function selectHeaders(header: Uint8Array, names: readonly string[], not: boolean): Uint8Array {
  const wanted = names.map((name) => name.toLowerCase())
  const scanner = new FieldScanner(header)
  const kept: Uint8Array[] = []
  let fieldsEnd = 0
  while (scanner.next()) {
    fieldsEnd = scanner.end
    if (wanted.some((name) => scanner.is(name)) !== not) {
      kept.push(header.subarray(scanner.nameStart, scanner.end))
    }
  }
  kept.push(header.subarray(emptyLineStart(header, fieldsEnd, scanner.headerEnd), scanner.headerEnd))
  return Buffer.concat(kept)
}

function emptyLineStart(bytes: Uint8Array, start: number, headerEnd: number): number {
  if (headerEnd === start || bytes[headerEnd - 1] !== LF) return headerEnd
  const withoutEnd = trimLineEnd(bytes, start, headerEnd)
  return withoutEnd === start || bytes[withoutEnd - 1] === LF ? withoutEnd : headerEnd
}
