/**
 * What emails are sorted by that never changes (RFC 8621 §4.4.2), as keys of which `<` and `===` answer as the
 * collation does.
 */
import type { Address } from '#message/address.ts'
import { decodeHeaderText } from '#message/encoded-word.ts'
import { firstAddress } from '#message/envelope.ts'
import { sortKey } from '#message/fold-text.ts'
import type { StoredStructure } from '#message/structure-codec.ts'

const emailCollations = ['i;unicode-casemap', 'i;ascii-casemap', 'i;octet', 'i;ascii-numeric'] as const
export type EmailCollation = (typeof emailCollations)[number]

export type EmailKey = 'receivedAt' | 'size' | 'sentAt' | 'from' | 'to' | 'subject'
export type EmailTextKey = Extract<EmailKey, 'from' | 'to' | 'subject'>

export const isTextKey = (key: EmailKey): key is EmailTextKey =>
  key === 'from' || key === 'to' || key === 'subject'

/** The text that is compared. */
export function sortedText(structure: StoredStructure, key: EmailTextKey): string {
  if (key === 'subject') return structure.baseSubject
  const address = firstPerson(structure, key)
  if (address === undefined) return ''
  const { name, mailbox = '', host } = address
  const shown = name === undefined ? '' : decodeHeaderText(name)
  return shown === '' ? `${mailbox}${host === undefined ? '' : `@${host}`}` : shown
}

/** The first address that is one: the name of a group is none. */
function firstPerson(structure: StoredStructure, member: 'from' | 'to'): Address | undefined {
  const first = firstAddress(structure.memberWire(member))
  if (first === undefined || first.host !== undefined) return first
  return structure.envelope[member].find(({ mailbox, host }) => mailbox !== undefined && host !== undefined)
}

export function collationKey(text: string, collation: EmailCollation): string {
  switch (collation) {
    case 'i;unicode-casemap':
      return sortKey(text)
    case 'i;ascii-casemap':
      return octets(text.replace(/[a-z]+/g, (letters) => letters.toUpperCase()))
    case 'i;octet':
      return octets(text)
    case 'i;ascii-numeric':
      return numericKey(text)
  }
}

const octets = (text: string): string => Buffer.from(text, 'utf8').toString('latin1')

/** RFC 4790 §9.1.1: what does not begin with a digit is infinite. */
function numericKey(text: string): string {
  const digits = /^0*(\d*)/.exec(text)!
  return digits[0] === '' ? '\uffff' : String.fromCharCode(digits[1]!.length) + digits[1]!
}
