/**
 * Secrets that are made up here and shown once: app passwords, API keys, recovery codes.
 *
 * What must always hold: each has 100 bits of chance (recovery codes 80), so that a plain SHA-256 is enough to
 * keep; an app password names its credential in its first group and an API key its account as well, so that
 * finding the row to compare with costs one read, however many there are.
 */
import { createHash, randomBytes, randomInt, timingSafeEqual } from 'node:crypto'
import type { AccountId, Branded } from '#base/id.ts'

/** Of an app password or an API key: unique in its account, 1..2^25-1, by chance. */
export type CredentialId = Branded<number, 'CredentialId'>

/** D. Crockford's base32: no letter that looks like a digit. */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
const groupLength = 5
/** By which an API key is told from other tokens. */
export const apiKeyStart = 'api_'
const secretGroups = 4
const accountLength = 7

export const newCredentialId = (): CredentialId => randomInt(1, 32 ** groupLength) as CredentialId

/** Five bits each. */
const randomLetters = (count: number): string =>
  Array.from(randomBytes(count), (byte) => alphabet[byte & 31]).join('')

function writeNumber(value: number, length: number): string {
  let text = ''
  for (let i = 0, rest = value; i < length; i++, rest = Math.floor(rest / 32))
    text = alphabet[rest % 32] + text
  return text
}

const readNumber = (text: string): number =>
  text.split('').reduce((value, letter) => value * 32 + alphabet.indexOf(letter), 0)

/** How a credential is called: the first group of an app password. */
export const showCredentialId = (id: CredentialId): string => writeNumber(id, groupLength)

/** Undefined where the text is none. */
export function readCredentialId(text: string): CredentialId | undefined {
  const letters = text.length === groupLength ? readLetters(text) : undefined
  return letters?.length === groupLength ? (readNumber(letters) as CredentialId) : undefined
}

/** In groups, as they are shown. */
const grouped = (letters: string, length = groupLength): string =>
  (letters.match(new RegExp(`.{1,${length}}`, 'g')) ?? []).join('-')

/** People type capitals, forget hyphens, and take `o` for `0`. Undefined where other characters are left. */
function readLetters(text: string): string | undefined {
  const letters = text.toLowerCase().replaceAll(/[ -]/g, '').replaceAll('o', '0').replaceAll(/[il]/g, '1')
  return /^[0-9a-hjkmnp-tv-z]*$/.test(letters) ? letters : undefined
}

export interface NewSecret {
  /** What its owner is shown. */
  readonly shown: string
  /** What is kept. */
  readonly digest: string
}

export function newAppPassword(account: AccountId, id: CredentialId): NewSecret {
  const secret = randomLetters(groupLength * secretGroups)
  return { shown: grouped(showCredentialId(id) + secret), digest: digestOf(account, id, secret) }
}

export function newApiKey(account: AccountId, id: CredentialId): NewSecret {
  const secret = randomLetters(groupLength * secretGroups)
  const shown = `${apiKeyStart}${writeNumber(account, accountLength)}-${grouped(showCredentialId(id) + secret)}`
  return { shown, digest: digestOf(account, id, secret) }
}

export interface GivenSecret {
  readonly id: CredentialId
  readonly secret: string
}

/** Undefined where the text cannot be one; a password that people chose may look like one by accident. */
export function readAppPassword(text: string): GivenSecret | undefined {
  if (text.length < groupLength * (secretGroups + 1) || text.length > 64) return undefined
  return readGroups(readLetters(text))
}

export function readApiKey(text: string): (GivenSecret & { readonly account: AccountId }) | undefined {
  if (!text.startsWith(apiKeyStart) || text.length > 64) return undefined
  const letters = readLetters(text.slice(apiKeyStart.length))
  const given = readGroups(letters?.slice(accountLength))
  const account = letters === undefined ? 0 : readNumber(letters.slice(0, accountLength))
  if (given === undefined || account < 1 || account > 0xffff_ffff) return undefined
  return { account: account as AccountId, ...given }
}

function readGroups(letters: string | undefined): GivenSecret | undefined {
  if (letters?.length !== groupLength * (secretGroups + 1)) return undefined
  const id = readNumber(letters.slice(0, groupLength)) as CredentialId
  return { id, secret: letters.slice(groupLength) }
}

/** As it is kept: the owner is part of it, so that a row copied to another account opens nothing. */
export const digestOf = (account: AccountId, id: CredentialId, secret: string): string =>
  createHash('sha256').update(`${account} ${id} ${secret}`).digest('base64')

export const isSameDigest = (a: string, b: string): boolean =>
  a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))

const recoveryLetters = 16

/** One that stands in for a code of the second factor, once. */
export function newRecoveryCode(account: AccountId): NewSecret {
  const letters = randomLetters(recoveryLetters)
  return { shown: grouped(letters, 4), digest: recoveryDigest(account, letters) }
}

/** The digest that a code would be kept as; undefined where the text cannot be one. */
export function readRecoveryCode(account: AccountId, text: string): string | undefined {
  const letters = text.length > 40 ? undefined : readLetters(text)
  return letters?.length === recoveryLetters ? recoveryDigest(account, letters) : undefined
}

const recoveryDigest = (account: AccountId, letters: string): string =>
  createHash('sha256').update(`${account} recovery ${letters}`).digest('base64')
