/**
 * SHA-256 crypt `$5$` and SHA-512 crypt `$6$`, as glibc has them (U. Drepper, "Unix crypt using SHA-256 and
 * SHA-512"): `$6$salt$hash` with 5,000 rounds, or `$6$rounds=656000$salt$hash`.
 */
import { hash } from 'node:crypto'
import { bounded, cryptGroups, damaged, type HashForm, isSameText } from './hash-form.ts'

/** Some seconds. The specification allows more than a thousand times as many; passlib takes 656,000. */
const mostRounds = 700_000
const usualRounds = 5000

const pattern = /^\$([56])\$(?:rounds=(\d{1,9})\$)?([^$\r\n\0]{0,16})\$([./A-Za-z0-9]{43}|[./A-Za-z0-9]{86})$/

export const sha2Crypt: HashForm = {
  shown: 'SHA-512 crypt "$6$", SHA-256 crypt "$5$"',
  read(text) {
    if (!/^\$[56]\$/.test(text)) return undefined
    const [, kind, given, salt, digest] = pattern.exec(text) ?? damaged('SHA crypt')
    const rounds = given === undefined ? usualRounds : bounded('rounds of SHA crypt', given, 1000, mostRounds)
    if (digest!.length !== (kind === '5' ? 43 : 86)) damaged('SHA crypt')
    const algorithm = kind === '5' ? 'sha256' : 'sha512'
    return (password) => {
      const bytes = compute(algorithm, password, Buffer.from(salt!), rounds)
      return isSameText(kind === '5' ? encode256(bytes) : encode512(bytes), digest!)
    }
  },
}

type Algorithm = 'sha256' | 'sha512'

/** `bytes` over and over, cut to a length. */
function repeated(bytes: Buffer, length: number): Buffer {
  const filled = Buffer.alloc(length)
  return length === 0 ? filled : filled.fill(bytes)
}

function compute(algorithm: Algorithm, password: Buffer, salt: Buffer, rounds: number): Buffer {
  const digestOf = (...parts: readonly Uint8Array[]): Buffer =>
    hash(algorithm, Buffer.concat(parts), 'buffer')
  const b = digestOf(password, salt, password)
  const parts: Uint8Array[] = [password, salt, repeated(b, password.length)]
  for (let bits = password.length; bits > 0; bits >>= 1) parts.push((bits & 1) === 1 ? b : password)
  const a = digestOf(...parts)
  const p = repeated(digestOf(...Array<Buffer>(password.length).fill(password)), password.length)
  const s = repeated(digestOf(...Array<Buffer>(16 + a[0]!).fill(salt)), salt.length)
  // One piece of memory for the input of every round: they are up to a million.
  const input = Buffer.allocUnsafe(2 * p.length + s.length + a.length)
  let c = a
  for (let round = 0; round < rounds; round++) {
    const isOdd = (round & 1) === 1
    let end = (isOdd ? p : c).copy(input)
    if (round % 3 !== 0) end += s.copy(input, end)
    if (round % 7 !== 0) end += p.copy(input, end)
    end += (isOdd ? c : p).copy(input, end)
    c = hash(algorithm, input.subarray(0, end), 'buffer')
  }
  return c
}

/** Three bytes are four characters; which three comes next is part of the specification. */
function encode256(bytes: Buffer): string {
  let text = ''
  for (let i = 0, [x, y, z] = [0, 10, 20]; i < 10; i++, [x, y, z] = [z + 1, x + 1, y + 1]) {
    text += group(bytes, x, y, z)
  }
  return text + cryptGroups((bytes[31]! << 8) | bytes[30]!, 3)
}

function encode512(bytes: Buffer): string {
  let text = ''
  for (let i = 0, [x, y, z] = [0, 21, 42]; i < 21; i++, [x, y, z] = [y + 1, z + 1, x + 1]) {
    text += group(bytes, x, y, z)
  }
  return text + cryptGroups(bytes[63]!, 2)
}

const group = (bytes: Buffer, x: number, y: number, z: number): string =>
  cryptGroups((bytes[x]! << 16) | (bytes[y]! << 8) | bytes[z]!, 4)
