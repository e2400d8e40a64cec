/**
 * Values with parameters: Content-Type (RFC 2045 §5.1) and Content-Disposition (RFC 2183), with the
 * continuations and charsets of RFC 2231. Text in and out is one character per byte.
 *
 * Reading is lenient: spaces in unquoted file names, a missing semicolon, a quote that never ends. What
 * is no media type at all is undefined, and the caller's default applies (RFC 2045 §5.2).
 */
import { latin1 } from '#base/bytes.ts'
import { decodeCharset } from './charset.ts'

export interface Parameter {
  /** Lower case, without the marks of RFC 2231. */
  readonly name: string
  /** Bytes as they stood in the message; with `extended`, UTF-8. */
  readonly value: string
  /** The value came with a charset (RFC 2231 §4) and has been converted. */
  readonly extended: boolean
}

export interface ContentType {
  readonly type: string
  readonly subtype: string
  readonly params: readonly Parameter[]
}

const MAX_PARAMETERS = 64
const MAX_VALUE = 2048
const MAX_NAME = 128
const MAX_TYPE = 128

/** A RFC 2045 token: printable ASCII without space and tspecials. */
const isToken = (text: string): boolean =>
  text.length <= MAX_TYPE && /^[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+$/.test(text)

/** The value behind the comments that may stand before its first word (RFC 2045 §5.1, RFC 822 §3.1.4). */
export function withoutFirstComments(value: string): string {
  let at = 0
  while (value[at] === '(') {
    at = commentEnd(value, at)
    while (value[at] === ' ' || value[at] === '\t') at++
  }
  return at === 0 ? value : value.slice(at)
}

/** The value of a Content-Type field; undefined where it is malformed. */
export function parseContentType(field: string): ContentType | undefined {
  const value = withoutFirstComments(field)
  const end = tokenEnd(value, 0)
  const slash = value.indexOf('/')
  if (slash < 0) return undefined
  // Spaces around the slash are wrong but harmless.
  const type = value
    .slice(0, Math.min(slash, MAX_TYPE + 1))
    .trim()
    .toLowerCase()
  let start = slash + 1
  while (value[start] === ' ' || value[start] === '\t') start++
  const subtypeEnd = end > slash + 1 ? end : tokenEnd(value, start)
  const subtype = value.slice(start, subtypeEnd).toLowerCase()
  if (!isToken(type) || !isToken(subtype)) return undefined
  return { type, subtype, params: parseParameters(value, subtypeEnd) }
}

/** A first word with parameters: Content-Disposition. Undefined where the word is missing. */
export function parseDisposition(field: string): { type: string; params: readonly Parameter[] } | undefined {
  const value = withoutFirstComments(field)
  const end = tokenEnd(value, 0)
  const type = value.slice(0, end).toLowerCase()
  return isToken(type) ? { type, params: parseParameters(value, end) } : undefined
}

/** The parameter of that name (in lower case); the one with a charset is preferred (RFC 2231 §4). */
export function parameter(params: readonly Parameter[], name: string): Parameter | undefined {
  let plain: Parameter | undefined
  for (const one of params) {
    if (one.name !== name) continue
    if (one.extended) return one
    plain ??= one
  }
  return plain
}

function tokenEnd(text: string, start: number): number {
  let at = start
  while (at < text.length && !' \t;,()'.includes(text[at]!)) at++
  return at
}

interface RawParameter {
  readonly name: string
  readonly value: string
}

function parseParameters(text: string, start: number): readonly Parameter[] {
  if (start >= text.length) return []
  const raw: RawParameter[] = []
  let special = false
  let at = start
  while (raw.length < MAX_PARAMETERS) {
    while (at < text.length && ' \t;,'.includes(text[at]!)) at++
    if (at >= text.length) break
    if (text[at] === '(') {
      at = commentEnd(text, at)
      continue
    }
    const nameStart = at
    while (at < text.length && text[at] !== '=' && text[at] !== ';') at++
    const name = text.slice(nameStart, at).trim().toLowerCase()
    if (text[at] !== '=') continue
    at++
    while (text[at] === ' ' || text[at] === '\t') at++
    const read = readValue(text, at, name)
    at = read.end
    const known = name !== '' && name.length <= MAX_NAME && !/[^!-~]/.test(name)
    if (known) raw.push({ name, value: read.value.slice(0, MAX_VALUE) })
    special ||= name.includes('*')
  }
  return special ? joinExtended(raw) : raw.map((p) => ({ name: p.name, value: p.value, extended: false }))
}

function commentEnd(text: string, start: number): number {
  let depth = 0
  for (let at = start; at < text.length; at++) {
    const c = text[at]
    if (c === '\\') at++
    else if (c === '(') depth++
    else if (c === ')' && --depth === 0) return at + 1
  }
  return text.length
}

function readValue(text: string, start: number, name: string): { value: string; end: number } {
  if (text[start] === '"') {
    let value = ''
    let from = start + 1
    for (let at = from; at < text.length; at++) {
      const c = text.charCodeAt(at)
      if (c === 0x22) return { value: value + text.slice(from, at), end: at + 1 }
      if (c === 0x5c && at + 1 < text.length) {
        value += text.slice(from, at)
        from = ++at
      }
    }
    start++
  }
  const semicolon = text.indexOf(';', start)
  const end = semicolon < 0 ? text.length : semicolon
  const value = text.slice(start, end).trim()
  // An unquoted file name often has spaces; any other value ends at the first one.
  const isName = name.startsWith('name') || name.startsWith('filename')
  return { value: isName ? value : value.slice(0, tokenEnd(value, 0)), end }
}

interface Segment {
  readonly order: number
  readonly encoded: boolean
  readonly value: string
}

/** RFC 2231 §3 and §4: `name*`, `name*0`, `name*0*`. */
function joinExtended(raw: readonly RawParameter[]): readonly Parameter[] {
  const segments = new Map<string, Segment[]>()
  const result: Parameter[] = []
  for (const { name, value } of raw) {
    const match = /^([^*]+)\*(?:(\d{1,3})(\*?))?$/.exec(name)
    if (match === null) {
      // An asterisk that means nothing here would be taken for a mark later.
      if (!name.includes('*')) result.push({ name, value, extended: false })
      continue
    }
    const encoded = match[2] === undefined || match[3] === '*'
    const segment = { order: Number(match[2] ?? 0), encoded, value }
    const known = segments.get(match[1]!)
    if (known === undefined) segments.set(match[1]!, [segment])
    else known.push(segment)
  }
  for (const [name, list] of segments) {
    list.sort((a, b) => a.order - b.order)
    const whole = list.filter((segment, i) => segment.order === i)
    if (whole.length > 0) result.push(joinSegments(name, whole))
  }
  return result
}

function joinSegments(name: string, segments: readonly Segment[]): Parameter {
  if (!segments.some((segment) => segment.encoded)) {
    return {
      name,
      value: segments
        .map((s) => s.value)
        .join('')
        .slice(0, MAX_VALUE),
      extended: false,
    }
  }
  let charset: string | undefined
  let bytes = ''
  for (const [i, segment] of segments.entries()) {
    let value = segment.value
    if (i === 0 && segment.encoded) {
      const first = value.indexOf("'")
      const second = first < 0 ? -1 : value.indexOf("'", first + 1)
      if (second >= 0) {
        charset = value.slice(0, first)
        value = value.slice(second + 1)
      }
    }
    bytes += segment.encoded ? percentDecode(value) : value
  }
  const text = decodeCharset(latin1(bytes), charset).replaceAll('\0', '')
  return { name, value: Buffer.from(text, 'utf8').toString('latin1').slice(0, MAX_VALUE), extended: true }
}

const percentDecode = (text: string): string =>
  text.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
