/**
 * What HELO, EHLO and LHLO share: the name of the client. RFC 5321 §4.1.1.1 wants a domain or an address
 * literal. Names with underscores or without dots occur in plenty and harm nobody; what could disturb a
 * Received field does not pass. RFC 6531 §3.7.1: no UTF-8 here.
 */
import { asBuffer } from '#base/bytes.ts'
import type { Cursor } from '#base/cursor.ts'

const longestName = 255

/** Letters, digits, `-`, `.`, `_`. */
const isNameByte = (c: number): boolean =>
  (c >= 0x61 && c <= 0x7a) ||
  (c >= 0x41 && c <= 0x5a) ||
  (c >= 0x30 && c <= 0x39) ||
  c === 0x2d ||
  c === 0x2e ||
  c === 0x5f
/** dcontent of RFC 5321 §4.1.3, without what a Received field gives a meaning. */
const isLiteralByte = (c: number): boolean => isNameByte(c) || c === 0x3a

/** Throws SyntaxFault. */
export function parseClientName(argument: Cursor): string {
  const start = argument.at
  if (argument.take(0x5b)) {
    while (isLiteralByte(argument.peek())) argument.at++
    argument.expect(0x5d, '"]"')
  } else while (isNameByte(argument.peek())) argument.at++
  if (!argument.atEnd || argument.at === start || argument.at - start > longestName) {
    argument.fail('expected the name of a host')
  }
  return asBuffer(argument.bytes).toString('latin1', start, argument.at)
}
