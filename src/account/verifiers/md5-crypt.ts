/** MD5 crypt, as FreeBSD introduced it: `$1$salt$` and 22 characters. A thousand rounds, always. */
import { hash } from 'node:crypto'
import { cryptGroups, damaged, type HashForm, isSameText } from './hash-form.ts'

const pattern = /^\$1\$([^$\r\n\0]{0,8})\$([./A-Za-z0-9]{22})$/

export const md5Crypt: HashForm = {
  shown: 'MD5 crypt "$1$"',
  read(text) {
    if (!text.startsWith('$1$')) return undefined
    const [, salt, digest] = pattern.exec(text) ?? damaged('MD5 crypt')
    return (password) => isSameText(compute(password, Buffer.from(salt!)), digest!)
  },
}

const md5 = (...parts: readonly Uint8Array[]): Buffer => hash('md5', Buffer.concat(parts), 'buffer')

function compute(password: Buffer, salt: Buffer): string {
  const inner = md5(password, salt, password)
  const parts: Uint8Array[] = [password, Buffer.from('$1$'), salt]
  for (let left = password.length; left > 0; left -= 16) parts.push(inner.subarray(0, Math.min(16, left)))
  // One byte for each bit of the length, lowest first: a NUL for a one, the password's first byte for a zero.
  for (let bits = password.length; bits > 0; bits >>= 1)
    parts.push((bits & 1) === 1 ? Buffer.alloc(1) : password.subarray(0, 1))
  let digest = md5(...parts)
  for (let round = 0; round < 1000; round++) {
    const isOdd = (round & 1) === 1
    const input: Uint8Array[] = [isOdd ? password : digest]
    if (round % 3 !== 0) input.push(salt)
    if (round % 7 !== 0) input.push(password)
    input.push(isOdd ? digest : password)
    digest = md5(...input)
  }
  const three = (a: number, b: number, c: number): string =>
    cryptGroups((digest[a]! << 16) | (digest[b]! << 8) | digest[c]!, 4)
  return (
    three(0, 6, 12) +
    three(1, 7, 13) +
    three(2, 8, 14) +
    three(3, 9, 15) +
    three(4, 10, 5) +
    cryptGroups(digest[11]!, 2)
  )
}
