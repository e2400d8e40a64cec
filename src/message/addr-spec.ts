/**
 * Addresses as JMAP has them (RFC 8621 §4.1.2.3), and their addr-spec (RFC 5322 §3.4.1): taken apart, put together,
 * and written so that it is read back as it was, whatever it is: drafts have addresses that are none yet.
 */
import { MAX_LINE } from './field-writer.ts'

/** RFC 8621 §4.1.2.3. */
export interface EmailAddress {
  readonly name: string | null
  readonly email: string
}

/** RFC 8621 §4.1.2.4. */
export interface EmailAddressGroup {
  readonly name: string | null
  readonly addresses: readonly EmailAddress[]
}

/** RFC 5322 §3.2.3, for a character class. */
export const atext = "A-Za-z0-9!#$%&'*+\\-/=?^_`{|}~"
/** RFC 6532 §3.2: any character beyond ASCII is text of an atom. */
const dotAtom = new RegExp(`^[${atext}\\u0080-\\u{10ffff}]+(?:\\.[${atext}\\u0080-\\u{10ffff}]+)*$`, 'u')
const domain = /^(?:[^\s<>()[\],;:\\"@\p{Cc}=?]+|\[[^[\]\\\s<>\p{Cc}]*\])$/u

export const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`

/** Longer ones do not fit into a line with what must stand around them. */
const MAX_SPEC = MAX_LINE - 98

/** The parts of an addr-spec, the first without its quotes. */
function splitSpec(email: string): {
  readonly local: string
  readonly host: string | undefined
  readonly wasQuoted: boolean
} {
  const at = email.lastIndexOf('@')
  if (at < 0) return { local: email, host: undefined, wasQuoted: false }
  const local = email.slice(0, at)
  const inner = /^"((?:[^"\\]|\\.)*)"$/su.exec(local)
  return {
    local: inner === null ? local : inner[1]!.replace(/\\(.)/gsu, '$1'),
    host: email.slice(at + 1),
    wasQuoted: inner !== null,
  }
}

/** An addr-spec out of its parts, with quotes where they are needed. */
export const joinSpec = (local: string, host: string): string =>
  host === '' ? local : `${dotAtom.test(local) ? local : quoted(local)}@${host}`

/**
 * What stands between "<" and ">". What is no addr-spec becomes a local part without a domain, so that it cannot
 * become two addresses.
 */
export function writtenSpec(email: string): string {
  const text = email.replace(/\p{Cc}+/gu, '').toWellFormed()
  if (text === '') return ''
  const { local, host, wasQuoted } = splitSpec(text)
  const isSpec = host !== undefined && domain.test(host) && (wasQuoted || !special.test(local))
  return isSpec ? `${localPart(local)}@${host}` : localPart(text)
}

/** Without quotes, these make it more likely that somebody typed something else than an address. */
const special = /[\s<>()[\],;:\\"@]|^$/

const localPart = (text: string): string => (dotAtom.test(text) && !text.includes('=?') ? text : quoted(text))

/** Whether it fits into a header at all. */
export const fitsHeader = (email: string): boolean => Buffer.byteLength(email) <= MAX_SPEC
