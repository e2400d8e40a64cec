/**
 * What the thread that hashes is asked for, and the work itself. Everything here takes prepared passwords and
 * may take a second: only where nothing waits for the thread.
 */
import { argon2Hash, isCurrentArgon2 } from './verifiers/argon2.ts'
import { bcryptHash, isCurrentBcrypt } from './verifiers/bcrypt.ts'
import { isCurrentPbkdf2, pbkdf2Hash } from './verifiers/pbkdf2.ts'
import { isScramKeys, newScramKeys } from './verifiers/scram-keys.ts'
import { isCurrentScrypt, scryptHash } from './verifiers/scrypt.ts'
import { isRightPassword } from './verifiers/stored-hash.ts'
import { type Strength, StrengthEstimator } from './strength.ts'

const algorithms = {
  argon2id: { make: argon2Hash, isCurrent: isCurrentArgon2 },
  bcrypt: { make: bcryptHash, isCurrent: isCurrentBcrypt },
  scrypt: { make: scryptHash, isCurrent: isCurrentScrypt },
  pbkdf2: { make: pbkdf2Hash, isCurrent: isCurrentPbkdf2 },
} as const

export type HashAlgorithm = keyof typeof algorithms
export const hashAlgorithms = Object.keys(algorithms) as readonly HashAlgorithm[]

/** What a new password is kept as. */
export interface WantedVerifiers {
  readonly algorithm: HashAlgorithm
  /** Keys for SCRAM-SHA-256 besides. */
  readonly scramKeys: boolean
}

/** The first verifier is what a password is compared with. */
function makeVerifiers(prepared: string, wanted: WantedVerifiers): readonly string[] {
  const password = Buffer.from(prepared)
  const hash = algorithms[wanted.algorithm].make(password)
  return wanted.scramKeys ? [hash, newScramKeys(password)] : [hash]
}

/** Whether verifiers are what a new password would get now; else they are made again when it is known. */
export function areCurrent(verifiers: readonly string[], wanted: WantedVerifiers): boolean {
  const [first, ...others] = verifiers
  if (first === undefined || !algorithms[wanted.algorithm].isCurrent(first)) return false
  return others.some(isScramKeys) === wanted.scramKeys
}

export type HashJob =
  | { readonly kind: 'make'; readonly prepared: string; readonly wanted: WantedVerifiers }
  | { readonly kind: 'verify'; readonly prepared: string; readonly hash: string }
  | { readonly kind: 'strength'; readonly prepared: string; readonly about: readonly string[] }

export type HashResult = readonly string[] | boolean | Strength

export class HashWork {
  readonly #strength = new StrengthEstimator()

  do(job: HashJob): HashResult | Promise<HashResult> {
    switch (job.kind) {
      case 'make':
        return makeVerifiers(job.prepared, job.wanted)
      case 'verify':
        return isRightPassword(job.hash, job.prepared)
      case 'strength':
        return this.#strength.estimate(job.prepared, job.about)
    }
  }
}
