/**
 * Passwords: how they are prepared, what is demanded of new ones, and their hashes.
 *
 * What must always hold: a password is prepared in the same way before it is hashed and before it is compared
 * (RFC 4616 §2 demands it; the rules are OpaqueString, RFC 8265 §4.2), and only hashes of it are kept.
 */
import { Fault } from '#base/fault.ts'
import { argon2Hash } from './verifiers/argon2.ts'
import { isRightPassword } from './verifiers/stored-hash.ts'

/** RFC 4616 §2 demands 255 octets at least. */
export const longestPasswordBytes = 1024
const shortestNewPassword = 8

/** The hash of 32 random bytes that nobody knows: what an unknown user's password is compared with. */
export const nobodysHash =
  '$argon2id$v=19$m=19456,t=2,p=1$dGnvSHqG2AFj+d7Na1TfVQ$zJn378mDdVMoXyVjXW0Mch8hNqtNB6//Ba27DeUuLvM'

/** The prepared form, undefined where no password can be like that. */
export function preparePassword(given: string): string | undefined {
  if (given.length > longestPasswordBytes || !given.isWellFormed()) return undefined
  // RFC 8265 §4.2.2: other spaces become the ASCII one, then Unicode form C; no control characters.
  const prepared = given.replaceAll(/\p{Zs}/gu, ' ').normalize('NFC')
  if (prepared === '' || /\p{Cc}/u.test(prepared) || Buffer.byteLength(prepared) > longestPasswordBytes)
    return undefined
  return prepared
}

/** Prepares a password that somebody wants to have. Throws Fault `invalid` that says what is wrong with it. */
export function prepareNewPassword(given: string): string {
  const prepared = preparePassword(given)
  if (prepared === undefined) {
    throw invalid(`must be at most ${longestPasswordBytes} bytes of text without control characters`)
  }
  if (prepared.length < shortestNewPassword)
    throw invalid(`must have at least ${shortestNewPassword} characters`)
  return prepared
}

const invalid = (what: string): Fault =>
  new Fault('invalid', `the password ${what}`, { properties: ['password'] })

/** Takes about 20 ms and 19 MiB: only where nothing waits for this thread. Takes a prepared password. */
export const hashNow = (prepared: string): string => argon2Hash(Buffer.from(prepared))

/** As `hashNow`, and longer for some hashes that were brought in. False too where the hash is none. */
export const verifyNow = isRightPassword
