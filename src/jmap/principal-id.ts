/** Ids of Principals (RFC 9670 §2): everybody has an account, and the numbers are those. */
import type { AccountId } from '#base/id.ts'

const letter = 'P'

export const principalObjectId = (id: AccountId): string => `${letter}${id.toString(36)}`

/** undefined for anything that we never gave out. */
export function principalNumber(text: string): AccountId | undefined {
  const digits = text.slice(1)
  if (!text.startsWith(letter) || !/^[0-9a-z]{1,7}$/.test(digits)) return undefined
  const number = Number.parseInt(digits, 36)
  return number.toString(36) === digits ? (number as AccountId) : undefined
}
