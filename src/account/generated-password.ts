/** Passwords that are made up here: strong, and easy to read aloud and to type. */
import { randomInt } from 'node:crypto'

/** Digits and letters that nobody takes for another: no 0 o 1 l i. */
const unambiguous = '23456789abcdefghjkmnpqrstuvwxyz'

/** Four groups of four: 79 bits. */
export function generatePassword(): string {
  const group = (): string =>
    Array.from({ length: 4 }, () => unambiguous[randomInt(unambiguous.length)]).join('')
  return Array.from({ length: 4 }, group).join('-')
}
