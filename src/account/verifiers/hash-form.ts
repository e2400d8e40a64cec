/**
 * What a form of stored password hash is, and the small pieces that most of them need.
 *
 * What must always hold: reading a text never costs more than its length, and whatever a text says about
 * rounds, memory or lanes is bounded before anything is computed: a hash that was brought in from elsewhere
 * may cost the thread that hashes some seconds, never more.
 */
import { timingSafeEqual } from 'node:crypto'
import { SyntaxFault } from '#base/fault.ts'

/** Whether these bytes are the password. Takes as long as the hash demands: only where nothing waits. */
export type PasswordCheck = (password: Buffer) => boolean

export interface HashForm {
  /** For people, to be put in a list: `SHA-512 crypt "$6$"`. */
  readonly shown: string
  /**
   * How to check against this text; undefined where it is of another form. Throws SyntaxFault where it is of
   * this one but damaged, or costs more than is allowed.
   */
  read(text: string): PasswordCheck | undefined
}

export const isSame = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && timingSafeEqual(a, b)

/** Throws SyntaxFault. */
export function damaged(what: string): never {
  throw new SyntaxFault(`${what}: this is not a whole hash`, 0)
}

/** A number from a hash: `text` is digits only. Throws SyntaxFault where it is not between the two. */
export function bounded(what: string, text: string, least: number, most: number): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < least || value > most) {
    throw new SyntaxFault(`${what} must be between ${least} and ${most}`, 0)
  }
  return value
}

/**
 * Base64 with or without its padding, and passlib's, which writes `.` for `+`. Undefined where the text is
 * something else or has bits left over.
 */
export function readBase64(text: string): Buffer | undefined {
  if (!/^[A-Za-z0-9+/.]*={0,2}$/.test(text)) return undefined
  const standard = text.replaceAll('.', '+').replace(/=+$/, '')
  const bytes = Buffer.from(standard, 'base64')
  return bytes.toString('base64').replace(/=+$/, '') === standard ? bytes : undefined
}

/** As PHC strings have it: standard alphabet, no padding. */
export const phcBase64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes).toString('base64').replace(/=+$/, '')

/** The alphabet of crypt(3). */
export const cryptAlphabet = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** The last `characters` six-bit groups of a number, lowest first, as crypt(3) writes digests. */
export function cryptGroups(value: number, characters: number): string {
  let text = ''
  for (let i = 0, rest = value; i < characters; i++, rest = Math.floor(rest / 64))
    text += cryptAlphabet[rest % 64]
  return text
}

/** For comparing hashes that are computed as text. */
export const isSameText = (a: string, b: string): boolean => isSame(Buffer.from(a), Buffer.from(b))
