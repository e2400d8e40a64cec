/**
 * Makes hostile input from good input: bit flips, splices of two inputs, repeats, truncation, tokens that
 * parsers of mail trip over, and plain noise. What must hold: the same seed gives the same inputs, and no
 * input is longer than the limit.
 */
import type { Random } from '../test/harness/random.ts'

/** Tokens that mean something to some parser of this project. */
export const tokens: readonly Uint8Array[] = [
  '\r\n',
  '\n',
  '\r',
  '\r\n\r\n',
  '\r\n ',
  '\r\n\t',
  '\r\n.\r\n',
  '\0',
  ' ',
  '\t',
  '"',
  '\\',
  '(',
  ')',
  '<',
  '>',
  '@',
  ',',
  ';',
  ':',
  '=',
  '*',
  '%',
  '{',
  '}',
  '[',
  ']',
  '{10}\r\n',
  '{10+}\r\n',
  '~{5}\r\n',

  '0',
  '-1',
  '4294967296',
  '18446744073709551616',
  '99999999999999999999',
  'NIL',
  'BODY[',
  '<0.1>',
  '1:*',
  '=?utf-8?B?',
  '=?utf-8?Q?',
  '?=',
  '=20',
  '=\r\n',
  "''",
  '*0*=',
  'charset=utf-7',
  '+AGE-',
  '&AGE-',
  'Content-Type: multipart/mixed; boundary=a\r\n',
  'Content-Type: message/rfc822\r\n',
  '--a\r\n',
  '--a--',
  'Content-Transfer-Encoding: base64\r\n',
  'From: ',
  'To: a:b,c;',
  'Date: ',
  'Received: ',
  '\r\n--',
  '\u00e9',
  '\u202e',
  '\ud83d\ude00',
  '\ufeff',
  'AUTH PLAIN ',
  'BDAT 5 LAST\r\n',
  '__proto__',
  '/*',
  '*/',
  '//',
].map((token) => Buffer.from(token, 'utf8'))

const rawTokens: readonly Uint8Array[] = [
  Uint8Array.of(0xff),
  Uint8Array.of(0xfe, 0xff),
  Uint8Array.of(0xc0, 0x80),
  Uint8Array.of(0xed, 0xa0, 0x80),
  Uint8Array.of(0x80),
]

const allTokens = [...tokens, ...rawTokens]

/** An input made from `pool` (never empty) with one to eight changes. */
export function mutate(random: Random, pool: readonly Uint8Array[], maxBytes: number): Uint8Array {
  let bytes = pickSlice(random, random.pick(pool), maxBytes)
  for (let changes = 1 + random.below(8); changes > 0; changes--) {
    bytes = change(random, bytes, pool).subarray(0, maxBytes)
  }
  return Uint8Array.from(bytes)
}

function pickSlice(random: Random, bytes: Uint8Array, maxBytes: number): Uint8Array {
  if (bytes.length <= maxBytes) return bytes
  const start = random.below(bytes.length - maxBytes)
  return bytes.subarray(start, start + maxBytes)
}

function change(random: Random, bytes: Uint8Array, pool: readonly Uint8Array[]): Uint8Array {
  const at = random.below(bytes.length + 1)
  const until = at + random.below(Math.min(bytes.length - at, 1 << random.below(12)) + 1)
  switch (random.below(10)) {
    case 0:
      return bytes.length === 0 ? bytes : replaceByte(bytes, at, (byte) => byte ^ (1 << random.below(8)))
    case 1:
      return bytes.length === 0 ? bytes : replaceByte(bytes, at, () => random.below(256))
    case 2:
    case 3:
      return splice(bytes, at, at, random.pick(allTokens))
    case 4:
      return splice(bytes, at, until, random.pick(allTokens))
    case 5:
      return splice(bytes, at, until, new Uint8Array())
    case 6:
      return splice(bytes, at, at, repeat(bytes.subarray(at, until), 1 + random.below(1 << random.below(9))))
    case 7:
      return random.below(4) === 0
        ? bytes.subarray(0, at)
        : splice(bytes, at, at, noise(random, random.below(64)))
    case 8: {
      const other = random.pick(pool)
      const from = random.below(other.length + 1)
      return splice(bytes, at, until, other.subarray(from, from + random.below(4096)))
    }
    default:
      return splice(bytes, at, at, repeat(random.pick(allTokens), 1 + random.below(1 << random.below(11))))
  }
}

function replaceByte(bytes: Uint8Array, at: number, change: (byte: number) => number): Uint8Array {
  const copy = Uint8Array.from(bytes)
  const place = Math.min(at, copy.length - 1)
  copy[place] = change(copy[place] as number)
  return copy
}

function splice(bytes: Uint8Array, from: number, to: number, middle: Uint8Array): Uint8Array {
  return Buffer.concat([bytes.subarray(0, from), middle, bytes.subarray(to)])
}

// Bounded, so that a few changes in a row stay cheap.
function repeat(bytes: Uint8Array, times: number): Uint8Array {
  const most = Math.max(1, Math.floor(65_536 / Math.max(1, bytes.length)))
  return Buffer.concat(Array.from({ length: Math.min(times, most) }, () => bytes))
}

function noise(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.below(256))
}
