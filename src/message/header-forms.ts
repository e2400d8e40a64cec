/**
 * Header fields in the forms of JMAP (RFC 8621 §4.1.2): which form a field may have, and its value in each. Reading
 * is best effort, for any bytes; where a form has null for what cannot be read, that is null.
 */
import { normalized } from '#base/normalize.ts'
import { asBuffer } from '#base/bytes.ts'
import { type Address, parseAddresses, parseAddressesWith } from './address.ts'
import { type EmailAddress, type EmailAddressGroup, joinSpec } from './addr-spec.ts'
import { parseDate } from './date.ts'
import { decodePlain, decodeStrictly } from './encoded-word.ts'
import { unfold } from './headers.ts'

export interface HeaderValues {
  readonly Raw: string
  readonly Text: string
  readonly Addresses: readonly EmailAddress[]
  readonly GroupedAddresses: readonly EmailAddressGroup[]
  readonly MessageIds: readonly string[] | null
  /** As in RFC 8620 §1.4. */
  readonly Date: string | null
  readonly URLs: readonly string[] | null
}
export type HeaderForm = keyof HeaderValues

export const headerForms: readonly HeaderForm[] = [
  'Raw',
  'Text',
  'Addresses',
  'GroupedAddresses',
  'MessageIds',
  'Date',
  'URLs',
]

const addresses: readonly HeaderForm[] = ['Raw', 'Addresses', 'GroupedAddresses']
const ids: readonly HeaderForm[] = ['Raw', 'MessageIds']
const date: readonly HeaderForm[] = ['Raw', 'Date']
const text: readonly HeaderForm[] = ['Raw', 'Text']
const urls: readonly HeaderForm[] = ['Raw', 'URLs']

/** The fields that RFC 5322 and RFC 2369 define; all others may have any form. */
const formsOf: ReadonlyMap<string, readonly HeaderForm[]> = new Map([
  ...['from', 'sender', 'reply-to', 'to', 'cc', 'bcc'].flatMap(
    (name) =>
      [
        [name, addresses],
        [`resent-${name}`, addresses],
      ] as const,
  ),
  ...['message-id', 'in-reply-to', 'references', 'resent-message-id'].map((name) => [name, ids] as const),
  ...['date', 'resent-date'].map((name) => [name, date] as const),
  ...['subject', 'comments', 'keywords'].map((name) => [name, text] as const),
  ...['help', 'unsubscribe', 'subscribe', 'post', 'owner', 'archive'].map(
    (name) => [`list-${name}`, urls] as const,
  ),
  ['return-path', ['Raw']],
  ['received', ['Raw']],
])

/** Whether a field of this name, in any case, may be read and written in this form. */
export const mayHaveForm = (name: string, form: HeaderForm): boolean =>
  formsOf.get(name.toLowerCase())?.includes(form) ?? true

/** Of one field, as much as is looked at. */
const MAX_FIELD = 1 << 20

/** The value `bytes[start, end)` of a field, with its line end, in a form. */
export function readHeaderForm<F extends HeaderForm>(
  form: F,
  bytes: Uint8Array,
  start: number,
  end: number,
): HeaderValues[F] {
  const last = Math.min(end, start + MAX_FIELD)
  return readers[form](bytes, start, last)
}

type Reader<T> = (bytes: Uint8Array, start: number, end: number) => T
const ofUnfolded =
  <T>(read: (value: string) => T): Reader<T> =>
  (bytes, start, end) =>
    read(unfold(bytes, start, end))

const readers: { readonly [F in HeaderForm]: Reader<HeaderValues[F]> } = {
  Raw: rawValue,
  Text: (bytes, start, end) => textOf(unfoldExactly(bytes, start, end)),
  Addresses: ofUnfolded((value) => addressesOf(readAddresses(value))),
  GroupedAddresses: ofUnfolded((value) => groupsOf(readAddresses(value))),
  MessageIds: ofUnfolded(messageIdsOf),
  Date: ofUnfolded(dateOf),
  URLs: ofUnfolded(urlsOf),
}

const LF = 0x0a
const CR = 0x0d

function rawValue(bytes: Uint8Array, start: number, end: number): string {
  if (end > start && bytes[end - 1] === LF) end--
  if (end > start && bytes[end - 1] === CR) end--
  return asBuffer(bytes).toString('utf8', start, end).replaceAll('\0', '')
}

const SPACE = 0x20
const TAB = 0x09

/** Without folds and NUL, but with the spaces at the end; a character per byte. In linear time. */
function unfoldExactly(bytes: Uint8Array, start: number, end: number): string {
  while (end > start && (bytes[end - 1] === LF || bytes[end - 1] === CR)) end--
  const out = Buffer.allocUnsafe(end - start)
  let length = 0
  let isBroken = false
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!
    if (byte === 0) continue
    if (byte === LF || byte === CR) {
      isBroken = true
      continue
    }
    // RFC 7103 §7.2: a line break that is no fold is as a space.
    if (isBroken && byte !== SPACE && byte !== TAB) out[length++] = SPACE
    isBroken = false
    if (length > 0 || byte !== SPACE) out[length++] = byte
  }
  return out.toString('latin1', 0, length)
}

/** RFC 8621 §4.1.2.2, of an unfolded value with a character per byte. */
export const textOf = (value: string): string => normalized(decodeStrictly(value).toWellFormed(), 'NFC')

/** What was quoted cannot be an encoded word (RFC 2047 §5 (3)): NUL stands in no unfolded value. */
const guard = (quoted: string): string => quoted.replaceAll('=?', '=\0?')

const readAddresses = (value: string): readonly Address[] =>
  value.includes('=?') ? parseAddressesWith(value, guard) : parseAddresses(value)

const nameOf = (name: string | undefined): string | null => {
  if (name === undefined) return null
  const decoded = textOf(name).replaceAll('\0', '').trim()
  return decoded === '' ? null : decoded
}

const emailOf = ({ mailbox = '', host = '' }: Address): string =>
  joinSpec(octets(mailbox), octets(host)).toWellFormed()

const octets = (text: string): string => decodePlain(text).replaceAll('\0', '')

/** Of a parsed list: groups leave nothing behind but their members. */
export function addressesOf(list: readonly Address[]): readonly EmailAddress[] {
  const found: EmailAddress[] = []
  for (const one of list)
    if (one.host !== undefined) found.push({ name: nameOf(one.name), email: emailOf(one) })
  return found
}

function groupsOf(list: readonly Address[]): readonly EmailAddressGroup[] {
  const groups: { name: string | null; addresses: EmailAddress[]; isOpen: boolean }[] = []
  for (const one of list) {
    if (one.host === undefined) {
      const last = groups.at(-1)
      if (one.mailbox !== undefined) groups.push({ name: nameOf(one.mailbox), addresses: [], isOpen: true })
      else if (last !== undefined) last.isOpen = false
      continue
    }
    if (groups.at(-1)?.isOpen !== true) groups.push({ name: null, addresses: [], isOpen: true })
    groups.at(-1)!.addresses.push({ name: nameOf(one.name), email: emailOf(one) })
  }
  return groups.map(({ name, addresses: members }) => ({ name, addresses: members }))
}

/** RFC 8621 §4.1.2.5. */
export function messageIdsOf(value: string): readonly string[] | null {
  const found = bracketed(value, false)
  return found === undefined || found.length === 0 ? null : found
}

/** RFC 8621 §4.1.2.7. */
function urlsOf(value: string): readonly string[] | null {
  const found = bracketed(value, true)
  return found === undefined || found.length === 0 ? null : found
}

/** What stands in angle brackets, where comments, white space and commas are all that stands between. */
function bracketed(value: string, commas: boolean): string[] | undefined {
  const found: string[] = []
  for (let at = 0; at < value.length;) {
    const c = value[at]!
    if (c === ' ' || c === '\t' || (c === ',' && (commas || found.length > 0))) at++
    else if (c === '(') at = commentEnd(value, at)
    else if (c === '<') {
      const end = value.indexOf('>', at)
      const inner = end < 0 ? '' : value.slice(at + 1, end).replace(/\s+/g, '')
      if (inner === '' || inner.includes('<')) return undefined
      found.push(decodePlain(inner))
      at = end + 1
    } else return undefined
  }
  return found
}

function commentEnd(value: string, start: number): number {
  let depth = 0
  for (let at = start; at < value.length; at++) {
    const c = value[at]
    if (c === '\\') at++
    else if (c === '(') depth++
    else if (c === ')' && --depth === 0) return at + 1
  }
  return value.length
}

/** RFC 8621 §4.1.2.6: with the sender's offset. */
export function dateOf(value: string): string | null {
  const found = parseDate(value)
  if (found === undefined) return null
  const { ms, zoneMinutes } = found
  const local = new Date(ms + zoneMinutes * 60_000)
  if (Number.isNaN(local.getTime()) || local.getUTCFullYear() < 0 || local.getUTCFullYear() > 9999)
    return null
  const time = local.toISOString().slice(0, 19)
  if (zoneMinutes === 0) return `${time}Z`
  const size = Math.abs(zoneMinutes)
  const two = (n: number): string => `${n}`.padStart(2, '0')
  return `${time}${zoneMinutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`
}
