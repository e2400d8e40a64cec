/**
 * A stored password hash of any form that is known: told apart by how it begins, with or without the name of
 * its scheme in braces, as Dovecot, OpenLDAP and others write it.
 *
 * What must always hold: what is no known hash is an error where it is written, and never taken for a password.
 */
import { Fault, SyntaxFault } from '#base/fault.ts'
import { argon2 } from './argon2.ts'
import { bcrypt } from './bcrypt.ts'
import { bsdiCrypt, desCrypt } from './des-crypt.ts'
import { digest } from './digest.ts'
import type { HashForm, PasswordCheck } from './hash-form.ts'
import { md5Crypt } from './md5-crypt.ts'
import { pbkdf2 } from './pbkdf2.ts'
import { plain } from './plain.ts'
import { scramKeys } from './scram-keys.ts'
import { scrypt } from './scrypt.ts'
import { sha1Crypt } from './sha1-crypt.ts'
import { sha2Crypt } from './sha2-crypt.ts'

const marked: readonly HashForm[] = [
  argon2,
  bcrypt,
  scrypt,
  pbkdf2,
  sha2Crypt,
  sha1Crypt,
  md5Crypt,
  bsdiCrypt,
  scramKeys,
]
const forms: readonly HashForm[] = [...marked, digest, plain]

/** Names in braces before a text that says by itself what it is. */
const redundant =
  /^\{(?:CRYPT|ARGON2|ARGON2I|ARGON2ID|ARGON2D|BCRYPT|BLF-CRYPT|SCRYPT|PBKDF2|SHA512-CRYPT|SHA256-CRYPT|SHA1-CRYPT|MD5-CRYPT|DES-CRYPT|BSDI)\}/i
const unmarked = /^\{(?:CRYPT|DES-CRYPT)\}(.{13})$/i

/** None that is known is longer. */
const longestHash = 1024

const knownForms: readonly string[] = [...forms, desCrypt].map(({ shown }) => shown)

/** How to check against the text; undefined where it is of no known form. Throws SyntaxFault where it is damaged or too costly. */
export function readHash(text: string): PasswordCheck | undefined {
  if (text.length > longestHash) return undefined
  const old = unmarked.exec(text)
  const check = old === null ? undefined : desCrypt.read(old[1]!)
  if (check !== undefined) return check
  const bare = text.replace(redundant, '')
  for (const form of bare === text ? forms : marked) {
    const found = form.read(bare)
    if (found !== undefined) return found
  }
  return undefined
}

/** Whether the text can stand for a hash: what is written by hand is read as one then, and never as a password. */
export const looksLikeHash = (text: string): boolean =>
  /^(?:\$[a-z0-9-]{1,20}\$|\{[A-Za-z0-9.-]{1,20}\}|SCRAM-SHA-)/i.test(text)

/** What is wrong with a text that should be a hash, or which forms are known; undefined where it is one. */
export function whatIsWrong(text: string): string | undefined {
  try {
    return readHash(text) === undefined
      ? `it is none of the known forms: ${knownForms.join(', ')}`
      : undefined
  } catch (error) {
    if (error instanceof SyntaxFault) return error.message
    throw error
  }
}

/** Throws Fault `invalid` that says what is wrong with the text. */
export function assertKnownHash(text: string): void {
  const why = whatIsWrong(text)
  if (why !== undefined)
    throw new Fault('invalid', `the password hash cannot be used: ${why}`, { properties: ['password'] })
}

/** False too where the text is no hash. */
export function isRightPassword(text: string, prepared: string): boolean {
  try {
    return readHash(text)?.(Buffer.from(prepared)) ?? false
  } catch (error) {
    if (error instanceof SyntaxFault) return false
    throw error
  }
}
