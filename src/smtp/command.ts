/**
 * The command line (RFC 5321 §2.4, §4.1.1): a verb in any case, then its argument as bytes for the grammar
 * of that verb. What no command may hold is refused here, before any grammar sees it: control characters
 * (so a bare CR or LF too, RFC 5321 §2.3.8) and bytes that are not UTF-8 (RFC 6531 §3.3).
 */
import { isUtf8 } from 'node:buffer'
import { Cursor } from '#base/cursor.ts'
import { SyntaxFault } from '#base/fault.ts'

const SPACE = 0x20
const TAB = 0x09
const DELETE = 0x7f

export interface CommandLine {
  /** In upper case; empty where the line begins with a space or with nothing. */
  readonly verb: string
  /** At the argument, without the space before it and without white space at its end. */
  readonly argument: Cursor
}

const isLetter = (c: number): boolean => (c >= 0x41 && c <= 0x5a) || (c >= 0x61 && c <= 0x7a)

/** Takes a line without its CRLF. Throws SyntaxFault. */
export function readCommandLine(line: Uint8Array): CommandLine {
  let isAscii = true
  for (let i = 0; i < line.length; i++) {
    const c = line[i]!
    if (c < SPACE ? c !== TAB : c >= DELETE) {
      if (c <= DELETE) throw new SyntaxFault('control character', i)
      isAscii = false
    }
  }
  if (!isAscii && !isUtf8(line)) throw new SyntaxFault('not UTF-8', 0)
  // RFC 5321 §4.1.1: white space before the line's end is tolerated.
  let end = line.length
  while (end > 0 && (line[end - 1] === SPACE || line[end - 1] === TAB)) end--
  let at = 0
  while (at < end && isLetter(line[at]!)) at++
  if (at < end && line[at] !== SPACE) return { verb: '', argument: new Cursor(line, 0, end) }
  const verb = Buffer.from(line.buffer, line.byteOffset, at).toString('latin1').toUpperCase()
  return { verb, argument: new Cursor(line, Math.min(at + 1, end), end) }
}

/** The rest of the argument as text. */
export const restText = (argument: Cursor): string =>
  Buffer.from(
    argument.bytes.buffer,
    argument.bytes.byteOffset + argument.at,
    argument.end - argument.at,
  ).toString()

/** RFC 5321 §4.3.2: what takes no argument says so. */
export function expectNothing(argument: Cursor): void {
  if (!argument.atEnd) argument.fail('no argument expected')
}
