/** The parameters behind a path: `esmtp-param` of RFC 5321 §4.1.2, values with the UTF-8 of RFC 6531 §3.3. */
import { asBuffer } from '#base/bytes.ts'
import type { Cursor } from '#base/cursor.ts'

export interface Parameter {
  /** In upper case. */
  readonly keyword: string
  readonly value: string | undefined
}

const SPACE = 0x20
const EQUALS = 0x3d
const HYPHEN = 0x2d

const isKeywordStart = (c: number): boolean =>
  (c >= 0x30 && c <= 0x39) || (c >= 0x41 && c <= 0x5a) || (c >= 0x61 && c <= 0x7a)

const none: readonly Parameter[] = []

/** To the end of the line. Throws SyntaxFault, also where a keyword is repeated. */
export function parseParameters(cursor: Cursor): readonly Parameter[] {
  if (cursor.atEnd) return none
  const bytes = asBuffer(cursor.bytes)
  const found: Parameter[] = []
  while (!cursor.atEnd) {
    cursor.expect(SPACE, 'a space')
    while (cursor.take(SPACE));
    const start = cursor.at
    if (!isKeywordStart(cursor.peek())) cursor.fail('expected a keyword')
    while (isKeywordStart(cursor.peek()) || cursor.peek() === HYPHEN) cursor.at++
    const keyword = bytes.toString('latin1', start, cursor.at).toUpperCase()
    let value: string | undefined
    if (cursor.take(EQUALS)) {
      const valueStart = cursor.at
      while (cursor.peek() > SPACE && cursor.peek() !== EQUALS) cursor.at++
      if (cursor.at === valueStart) cursor.fail('expected a value')
      value = bytes.toString('utf8', valueStart, cursor.at)
    }
    if (found.some((other) => other.keyword === keyword)) cursor.fail(`${keyword} is repeated`)
    found.push({ keyword, value })
  }
  return found
}
