/**
 * SHA-1 crypt of NetBSD: `$sha1$rounds$salt$` and 28 characters: HMAC-SHA-1 (RFC 2104) under the password, over
 * the salt first and then over its own result.
 */
import { createHmac, hash } from 'node:crypto'
import { bounded, cryptGroups, damaged, type HashForm, isSameText } from './hash-form.ts'

/** Some seconds; passlib takes 480,000. */
const mostRounds = 500_000

const pattern = /^\$sha1\$(\d{1,10})\$([./A-Za-z0-9]{0,64})\$([./A-Za-z0-9]{28})$/

export const sha1Crypt: HashForm = {
  shown: 'SHA-1 crypt "$sha1$"',
  read(text) {
    if (!text.startsWith('$sha1$')) return undefined
    const [, given, salt, digest] = pattern.exec(text) ?? damaged('SHA-1 crypt')
    const rounds = bounded('rounds of SHA-1 crypt', given!, 1, mostRounds)
    return (password) => isSameText(compute(password, salt!, rounds), digest!)
  },
}

const blockBytes = 64
const digestBytes = 20

function compute(password: Buffer, salt: string, rounds: number): string {
  let digest = createHmac('sha1', password).update(`${salt}$sha1$${rounds}`).digest()
  // HMAC by hand, with its two padded keys made once: ten times as fast as one object a round.
  const key = password.length > blockBytes ? hash('sha1', password, 'buffer') : password
  const inner = Buffer.alloc(blockBytes + digestBytes)
  key.copy(inner)
  const outer = Buffer.from(inner)
  for (let i = 0; i < blockBytes; i++) {
    inner[i]! ^= 0x36
    outer[i]! ^= 0x5c
  }
  for (let round = 1; round < rounds; round++) {
    digest.copy(inner, blockBytes)
    hash('sha1', inner, 'buffer').copy(outer, blockBytes)
    digest = hash('sha1', outer, 'buffer')
  }
  let text = ''
  for (let i = 0; i < 18; i += 3) text += group(digest, i, i + 1, i + 2)
  // The last two bytes are filled up with the first.
  return text + group(digest, 18, 19, 0)
}

const group = (bytes: Buffer, x: number, y: number, z: number): string =>
  cryptGroups((bytes[x]! << 16) | (bytes[y]! << 8) | bytes[z]!, 4)
