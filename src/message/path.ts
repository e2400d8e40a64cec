/**
 * Reverse and forward paths (RFC 5321 §4.1.2, §4.1.3) with the UTF-8 of RFC 6531 §3.3. Source routes are read
 * and forgotten (RFC 5321 §4.1.1.3). The grammar is kept strictly, with two things that occur: space before
 * the path, and local parts of up to 255 octets. Whether UTF-8 was allowed is for the command to say, since
 * the parameter that allows it comes after the path.
 */
import { asBuffer } from '#base/bytes.ts'
import { Cursor } from '#base/cursor.ts'
import { normaliseDomain, splitAddress } from '#base/domain-name.ts'
import { SyntaxFault } from '#base/fault.ts'

export interface Path {
  /** As given, without brackets and source route; empty for the null reverse-path `<>`. */
  readonly address: string
  readonly localPart: string
  /** Normalised, or an address literal. Empty for `<>` and for `<postmaster>`. */
  readonly domain: string
  readonly isAscii: boolean
}

const nullPath: Path = { address: '', localPart: '', domain: '', isAscii: true }

const longestLocalPart = 255
const longestDomain = 255

const SPACE = 0x20
const QUOTE = 0x22
const COMMA = 0x2c
const DOT = 0x2e
const HYPHEN = 0x2d
const COLON = 0x3a
const LESS = 0x3c
const GREATER = 0x3e
const AT = 0x40
const OPEN = 0x5b
const BACKSLASH = 0x5c
const CLOSE = 0x5d

/** By byte: 1 atext (RFC 5322 §3.2.3, with UTF-8), 2 letter, digit or UTF-8 (also atext). */
const kinds = new Uint8Array(256)
for (const c of Buffer.from("!#$%&'*+-/=?^_`{|}~")) kinds[c] = 1
for (let c = 0x30; c <= 0x39; c++) kinds[c] = 2
for (let c = 0x41; c <= 0x5a; c++) kinds[c] = kinds[c | 0x20] = 2
kinds.fill(2, 0x80)

const isAtext = (c: number): boolean => c >= 0 && kinds[c]! > 0
const isLetDig = (c: number): boolean => c >= 0 && kinds[c] === 2

/** A `Mailbox` alone, as JMAP has it (RFC 8621 §7); undefined where it is none. */
export function readMailbox(text: string): Path | undefined {
  const cursor = new Cursor(Buffer.from(`<${text}>`, 'utf8'))
  try {
    const path = parsePath(cursor, 'forward')
    return cursor.atEnd && path.address === text && path.domain !== '' ? path : undefined
  } catch (error) {
    if (error instanceof SyntaxFault) return undefined
    throw error
  }
}

/** `<` path `>`; with `reverse` also `<>`, without it also `<postmaster>`. Throws SyntaxFault. */
export function parsePath(cursor: Cursor, direction: 'reverse' | 'forward'): Path {
  while (cursor.take(SPACE));
  cursor.expect(LESS, '"<"')
  if (direction === 'reverse' && cursor.take(GREATER)) return nullPath
  if (cursor.peek() === AT) skipRoute(cursor)
  const start = cursor.at
  skipLocalPart(cursor)
  const localEnd = cursor.at
  if (localEnd - start > longestLocalPart) cursor.fail('local part too long')
  const bytes = asBuffer(cursor.bytes)
  if (direction === 'forward' && cursor.peek() === GREATER) {
    const localPart = bytes.toString('latin1', start, localEnd)
    // RFC 5321 §4.1.1.3: the one name that stands without a domain, in any case.
    if (localPart.toLowerCase() !== 'postmaster') cursor.fail('expected "@"')
    cursor.at++
    return { address: localPart, localPart, domain: '', isAscii: true }
  }
  cursor.expect(AT, '"@"')
  const domainStart = cursor.at
  if (cursor.peek() === OPEN) skipLiteral(cursor)
  else skipDomain(cursor)
  const end = cursor.at
  if (end - domainStart > longestDomain) cursor.fail('domain too long')
  cursor.expect(GREATER, '">"')
  return makePath(cursor, bytes, start, localEnd, end)
}

function makePath(cursor: Cursor, bytes: Buffer, start: number, localEnd: number, end: number): Path {
  let isAscii = true
  for (let i = start; i < end; i++) if (bytes[i]! > 0x7f) isAscii = false
  const address = isAscii ? bytes.toString('latin1', start, end) : bytes.toString('utf8', start, end)
  const localPart = isAscii ? address.slice(0, localEnd - start) : bytes.toString('utf8', start, localEnd)
  const given = address.slice(localPart.length + 1)
  const domain = given.startsWith('[') ? splitAddress(`x@${given}`)?.domain : normaliseDomain(given)
  if (domain === undefined) cursor.fail('no such domain is possible')
  return { address, localPart, domain, isAscii }
}

/** `@one,@two:` */
function skipRoute(cursor: Cursor): void {
  do {
    cursor.expect(AT, '"@"')
    skipDomain(cursor)
  } while (cursor.take(COMMA))
  cursor.expect(COLON, '":"')
}

function skipLocalPart(cursor: Cursor): void {
  if (cursor.take(QUOTE)) {
    for (;;) {
      const c = cursor.next()
      if (c === QUOTE) return
      if (c === BACKSLASH) {
        const quoted = cursor.next()
        if (quoted < SPACE || quoted > 0x7e) cursor.fail('bad quoted pair')
      } else if (c < SPACE) cursor.fail('expected a quote')
    }
  }
  do {
    const start = cursor.at
    while (isAtext(cursor.peek())) cursor.at++
    if (cursor.at === start) cursor.fail('expected a local part')
  } while (cursor.take(DOT))
}

/** Labels of letters, digits and inner hyphens; underscores are refused as RFC 5321 §4.1.2 demands. */
function skipDomain(cursor: Cursor): void {
  do {
    if (!isLetDig(cursor.peek())) cursor.fail('expected a domain')
    while (isLetDig(cursor.peek()) || cursor.peek() === HYPHEN) cursor.at++
    if (cursor.peek(-1) === HYPHEN) cursor.fail('hyphen at the end of a label')
  } while (cursor.take(DOT))
}

/** RFC 5321 §4.1.3; which literals exist is decided by `splitAddress`. */
function skipLiteral(cursor: Cursor): void {
  cursor.at++
  while (cursor.peek() > SPACE && cursor.peek() < 0x7f && cursor.peek() !== CLOSE) cursor.at++
  cursor.expect(CLOSE, '"]"')
}
