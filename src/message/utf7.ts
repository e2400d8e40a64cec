/**
 * UTF-7 as mail uses it (RFC 2152): ASCII, with runs of modified base64 between "+" and "-" that carry
 * UTF-16. Any bytes give text: bits left over at the end of a run are dropped, a byte above 127 is itself.
 */
const PLUS = 0x2b
const MINUS = 0x2d

export function decodeUtf7(bytes: Uint8Array): string {
  let text = ''
  let at = 0
  while (at < bytes.length) {
    const byte = bytes[at++]!
    if (byte !== PLUS) {
      text += String.fromCharCode(byte)
    } else if (bytes[at] === MINUS) {
      text += '+'
      at++
    } else {
      const end = runEnd(bytes, at)
      text += decodeRun(bytes, at, end)
      at = bytes[end] === MINUS ? end + 1 : end
    }
  }
  return text
}

/** The value of a base64 digit, -1 for any other byte. */
function base64Digit(byte: number): number {
  if (byte >= 0x41 && byte <= 0x5a) return byte - 0x41
  if (byte >= 0x61 && byte <= 0x7a) return byte - 0x47
  if (byte >= 0x30 && byte <= 0x39) return byte + 4
  return byte === 0x2b ? 62 : byte === 0x2f ? 63 : -1
}

function runEnd(bytes: Uint8Array, start: number): number {
  let at = start
  while (at < bytes.length && base64Digit(bytes[at]!) >= 0) at++
  return at
}

function decodeRun(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  let bits = 0
  let count = 0
  for (let at = start; at < end; at++) {
    bits = ((bits << 6) | base64Digit(bytes[at]!)) & 0x3fffff
    count += 6
    if (count >= 16) {
      count -= 16
      text += String.fromCharCode((bits >>> count) & 0xffff)
    }
  }
  return text
}
