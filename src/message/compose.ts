/**
 * Header fields written from what they say: text, addresses, identifiers, dates, URLs. What is read back from a
 * field is what was written into it, and no value can end its own line, whatever it is.
 */
import { atext, type EmailAddress, type EmailAddressGroup, quoted, writtenSpec } from './addr-spec.ts'
import { formatDate, type MailDate } from './date.ts'
import { encodedWords, FieldWriter, MAX_LINE, oneLine, textWords } from './field-writer.ts'

/** "Name: text\r\n" for an unstructured field such as Subject. */
export function composeField(name: string, text: string): string {
  const field = new FieldWriter(name)
  return field.addAll(textWords(text, field.room)).end()
}

/** "Name: A <a@example.org>, b@example.org\r\n" */
export function composeAddressField(
  name: string,
  addresses: readonly { readonly name?: string | undefined; readonly address: string }[],
): string {
  const list = addresses.map((one) => ({ name: one.name ?? null, email: one.address }))
  return composeGroups(name, [{ name: null, addresses: list }])
}

/** Groups with their names, and addresses in none of them (RFC 5322 §3.4). */
export function composeGroups(name: string, given: readonly EmailAddressGroup[]): string {
  const field = new FieldWriter(name)
  const groups = given.map((group) => (group.name?.trim() === '' ? { ...group, name: null } : group))
  const last = groups.findLastIndex((group) => group.name !== null || group.addresses.length > 0)
  for (const [i, group] of groups.entries()) {
    if (group.name !== null) {
      addPhrase(field, group.name)
      field.attach(':')
    }
    for (const [n, one] of group.addresses.entries()) {
      addAddress(field, one)
      if (n + 1 < group.addresses.length) field.attach(',')
    }
    if (group.name !== null) field.attach(';')
    if (i < last && (group.name !== null || group.addresses.length > 0)) field.attach(',')
  }
  return field.end()
}

function addAddress(field: FieldWriter, { name, email }: EmailAddress): void {
  const spec = writtenSpec(email)
  const phrase = name === null ? '' : oneLine(name).trim()
  if (phrase === '' && spec !== '' && !spec.startsWith('"')) {
    field.add(spec)
    return
  }
  if (phrase !== '') addPhrase(field, phrase)
  field.add(`<${spec}>`)
}

/** A longer name is encoded, so that it can be folded anywhere. */
const MAX_ATOMS = 200
const atoms = new RegExp(`^[${atext} ]+$`)

/** A display name: atoms, a quoted string, or encoded words (RFC 5322 §3.2.5). */
function addPhrase(field: FieldWriter, name: string): void {
  const text = oneLine(name).trim()
  const isAscii = /^[\x20-\x7e]*$/.test(text) && !text.includes('=?')
  if (isAscii && atoms.test(text) && !text.includes('  ') && text.length <= MAX_ATOMS) {
    for (const word of text.split(' ')) field.add(word)
  } else if (isAscii && text.length <= 60) field.add(quoted(text))
  else for (const word of encodedWords(text, field.room)) field.add(word)
}

/** "Name: <a@b> <c@d>\r\n" */
export function composeMessageIds(name: string, ids: readonly string[]): string {
  const field = new FieldWriter(name)
  for (const id of ids) field.add(`<${id}>`)
  return field.end()
}

/** Whether it can stand between "<" and ">" as a msg-id or as a URL. */
export const isBracketable = (text: string): boolean =>
  text !== '' && Buffer.byteLength(text) <= MAX_LINE - 80 && !/[\s<>\p{Cc}\p{Cs}]/u.test(text)

/** "Name: <https://...>, <mailto:...>\r\n" (RFC 2369 §2). */
export function composeUrls(name: string, urls: readonly string[]): string {
  const field = new FieldWriter(name)
  for (const [i, url] of urls.entries()) field.add(`<${url}>${i + 1 < urls.length ? ',' : ''}`)
  return field.end()
}

export const composeDate = (name: string, { ms, zoneMinutes }: MailDate): string =>
  `${name}: ${formatDate(ms, zoneMinutes)}\r\n`

/**
 * A field with a value as it is, folds included; undefined where it could not stand in a header (RFC 5322 §2.2): a
 * line end that is no fold, a NUL, a line with nothing but white space, or one that is too long.
 */
export function composeRaw(name: string, value: string): string | undefined {
  if (/\0|\r(?!\n)|(?<!\r)\n|\r\n(?![ \t])|\p{Cs}/u.test(value)) return undefined
  const lines = `${name}:${value}`.split('\r\n')
  if (lines.some((line, i) => Buffer.byteLength(line) > MAX_LINE || (i > 0 && line.trim() === '')))
    return undefined
  return `${name}:${value}\r\n`
}
