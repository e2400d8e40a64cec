/**
 * The keys of SCRAM-SHA-256 (RFC 5802 §3, RFC 7677) for one password: with them the server checks a client that
 * never sends the password. As text `SCRAM-SHA-256$600000:salt$StoredKey:ServerKey`, which PostgreSQL writes
 * too, or `{SCRAM-SHA-256}600000,salt,StoredKey,ServerKey` of Dovecot and gsasl; RFC 5803 has the same parts.
 *
 * What must always hold: keys are never a substitute for the other verifier of a credential, since guessing
 * against them costs no memory; so the iterations are many.
 */
import { createHmac, hash, pbkdf2Sync, randomBytes } from 'node:crypto'
import { bounded, damaged, type HashForm, isSame, readBase64 } from './hash-form.ts'

export interface ScramKeys {
  readonly iterations: number
  readonly salt: Buffer
  readonly storedKey: Buffer
  readonly serverKey: Buffer
}

/** OWASP's figure for PBKDF2 with SHA-256; RFC 7677 §4 wants 4096 at least, and more where clients can. */
export const newScramIterations = 600_000
export const scramSaltBytes = 16
/** About a second, which the client pays at each sign-in, and the server where a password is compared. */
const mostIterations = 3_000_000

const start = 'SCRAM-SHA-256$'
const braced = '{SCRAM-SHA-256}'

export const isScramKeys = (text: string): boolean => text.startsWith(start) || text.startsWith(braced)

const salts = '[A-Za-z0-9+/]{1,88}={0,2}'
const keys = '[A-Za-z0-9+/]{43}='
const patterns = [
  new RegExp(`^SCRAM-SHA-256\\$(\\d{1,8}):(${salts})\\$(${keys}):(${keys})$`),
  new RegExp(`^\\{SCRAM-SHA-256\\}(\\d{1,8}),(${salts}),(${keys}),(${keys})$`),
]

/** Undefined where the text is of another form. Throws SyntaxFault where it is damaged. */
export function readScramKeys(text: string): ScramKeys | undefined {
  if (!isScramKeys(text)) return undefined
  const match = patterns.map((pattern) => pattern.exec(text)).find((found) => found !== null)
  const [, iterations, ...encoded] = match ?? damaged('SCRAM-SHA-256')
  const [salt, storedKey, serverKey] = encoded.map((part) => readBase64(part) ?? damaged('SCRAM-SHA-256'))
  return {
    iterations: bounded('iterations of SCRAM', iterations!, 4096, mostIterations),
    salt: salt!,
    storedKey: storedKey!,
    serverKey: serverKey!,
  }
}

export function writeScramKeys({ iterations, salt, storedKey, serverKey }: ScramKeys): string {
  const [s, stored, server] = [salt, storedKey, serverKey].map((bytes) => bytes.toString('base64'))
  return `${start}${iterations}:${s}$${stored}:${server}`
}

const hmac = (key: Uint8Array, text: string): Buffer => createHmac('sha256', key).update(text).digest()

/** RFC 4013 §2.1: what SASLprep drops. Other spaces were made ASCII ones when the password was prepared. */
const dropped: readonly (readonly [from: number, to: number])[] = [
  [0xad, 0xad],
  [0x34f, 0x34f],
  [0x1806, 0x1806],
  [0x180b, 0x180d],
  [0x200b, 0x200d],
  [0x2060, 0x2060],
  [0xfe00, 0xfe0f],
  [0xfeff, 0xfeff],
]

const isKept = (character: string): boolean => {
  const code = character.codePointAt(0)!
  return !dropped.some(([from, to]) => code >= from && code <= to)
}

/** RFC 5802 §2.2: clients prepare the password with SASLprep, which goes further than what we keep hashes of. */
const saslPrepared = (password: Buffer): string =>
  Array.from(password.toString('utf8')).filter(isKept).join('').normalize('NFKC')

export function deriveScramKeys(password: Buffer, salt: Buffer, iterations: number): ScramKeys {
  const salted = pbkdf2Sync(saslPrepared(password), salt, iterations, 32, 'sha256')
  const storedKey = hash('sha256', hmac(salted, 'Client Key'), 'buffer')
  return { iterations, salt, storedKey, serverKey: hmac(salted, 'Server Key') }
}

/** New keys, as text. Takes about 0.2 s. */
export const newScramKeys = (password: Buffer): string =>
  writeScramKeys(deriveScramKeys(password, randomBytes(scramSaltBytes), newScramIterations))

/** A password can be compared with the keys too, where a credential has nothing better. */
export const scramKeys: HashForm = {
  shown: 'SCRAM keys "SCRAM-SHA-256$"',
  read(text) {
    const keys = readScramKeys(text)
    if (keys === undefined) return undefined
    return (password) =>
      isSame(deriveScramKeys(password, keys.salt, keys.iterations).storedKey, keys.storedKey)
  },
}
