/**
 * PBKDF2 (RFC 8018 §5.2) with SHA-1, SHA-256 or SHA-512, in two spellings: the PHC form
 * `$pbkdf2-sha256$i=600000,l=32$salt$hash`, and passlib's `$pbkdf2-sha256$29000$salt$hash`, whose base64 has
 * `.` for `+` and which calls SHA-1 plain `$pbkdf2$`.
 */
import { pbkdf2Sync, randomBytes } from 'node:crypto'
import { bounded, damaged, type HashForm, isSame, phcBase64, readBase64 } from './hash-form.ts'

/** Iterations times blocks of output: about a second. */
const mostWork = 3_000_000
const newParameters = 'i=600000,l=32'
const digestBytes = { sha1: 20, sha256: 32, sha512: 64 } as const

const pattern =
  /^\$pbkdf2(?:-(sha1|sha256|sha512))?\$(?:i=(\d{1,10})(?:,l=(\d{1,3}))?|(\d{1,10}))\$([A-Za-z0-9+/.]*)\$([A-Za-z0-9+/.]+)$/

export const pbkdf2: HashForm = {
  shown: 'PBKDF2 "$pbkdf2-sha256$", "$pbkdf2-sha512$", "$pbkdf2-sha1$"',
  read(text) {
    if (!text.startsWith('$pbkdf2')) return undefined
    const [, name, phc, length, passlib, salt, hash] = pattern.exec(text) ?? damaged('PBKDF2')
    const digest = (name ?? 'sha1') as keyof typeof digestBytes
    const [saltBytes, hashBytes] = [readBase64(salt!), readBase64(hash!)]
    if (saltBytes === undefined || hashBytes === undefined) damaged('PBKDF2')
    if (hashBytes.length < 10 || hashBytes.length > 64) damaged('PBKDF2')
    if (length !== undefined && Number(length) !== hashBytes.length) damaged('PBKDF2')
    const blocks = Math.ceil(hashBytes.length / digestBytes[digest])
    const rounds = bounded('iterations of PBKDF2', phc ?? passlib!, 1, Math.floor(mostWork / blocks))
    return (password) => isSame(pbkdf2Sync(password, saltBytes, rounds, hashBytes.length, digest), hashBytes)
  },
}

/** OWASP's figure for SHA-256: about 0.2 s. */
export function pbkdf2Hash(password: Buffer): string {
  const salt = randomBytes(16)
  const hash = pbkdf2Sync(password, salt, 600_000, 32, 'sha256')
  return `$pbkdf2-sha256$${newParameters}$${phcBase64(salt)}$${phcBase64(hash)}`
}

export const isCurrentPbkdf2 = (text: string): boolean => text.startsWith(`$pbkdf2-sha256$${newParameters}$`)
