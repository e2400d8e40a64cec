/**
 * Passwords as they are given: how they are prepared. What is demanded of new ones is in `password-policy.ts`.
 *
 * What must always hold: a password is prepared in the same way before it is hashed and before it is compared
 * (RFC 4616 §2 demands it; the rules are OpaqueString, RFC 8265 §4.2).
 */
import { normalized } from '#base/normalize.ts'

/** RFC 4616 §2 demands 255 octets at least. */
export const longestPasswordBytes = 1024

/** The hash of 32 random bytes that nobody knows: what an unknown user's password is compared with. */
export const nobodysHash =
  '$argon2id$v=19$m=19456,t=2,p=1$dGnvSHqG2AFj+d7Na1TfVQ$zJn378mDdVMoXyVjXW0Mch8hNqtNB6//Ba27DeUuLvM'

/** The prepared form, undefined where no password can be like that. */
export function preparePassword(given: string): string | undefined {
  if (given.length > longestPasswordBytes || !given.isWellFormed()) return undefined
  // RFC 8265 §4.2.2: other spaces become the ASCII one, then Unicode form C; no control characters.
  const prepared = normalized(given.replaceAll(/\p{Zs}/gu, ' '), 'NFC')
  if (prepared === '' || /\p{Cc}/u.test(prepared) || Buffer.byteLength(prepared) > longestPasswordBytes)
    return undefined
  return prepared
}
