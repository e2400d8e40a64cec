/**
 * Writing header fields: text that may be any Unicode, and addresses. Lines are folded at 78 characters
 * where there is a space to fold at (RFC 5322 §2.2.3), no value can end its own line, and what is not
 * ASCII becomes encoded words (RFC 2047).
 */
import { encodeHeaderText } from './encoded-word.ts'
import { foldWords } from './received.ts'

/** Line ends and other control characters must not get into a field. */
const oneLine = (text: string): string => text.replace(/\p{Cc}+/gu, ' ').trim()

/** "Name: text\r\n" for an unstructured field such as Subject. */
export function composeField(name: string, text: string): string {
  const encoded = encodeHeaderText(oneLine(text))
  return `${foldWords(`${name}:`, encoded === '' ? [''] : encoded.split(/ +/))}\r\n`
}

/** A display name: an atom phrase, a quoted string, or encoded words (RFC 5322 §3.2.5). */
function composePhrase(name: string): string {
  const text = oneLine(name)
  if (/^[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~ ]*$/.test(text) && !text.includes('=?')) return text
  if (/^[\x20-\x7e]*$/.test(text) && !text.includes('=?')) return `"${text.replace(/["\\]/g, '\\$&')}"`
  return encodeHeaderText(text)
}

/** "Name: A <a@example.org>, b@example.org\r\n"; addresses are written as given. */
export function composeAddressField(
  name: string,
  addresses: readonly { readonly name?: string | undefined; readonly address: string }[],
): string {
  const words: string[] = []
  for (const [i, one] of addresses.entries()) {
    const address = oneLine(one.address).replace(/[<>\s]+/g, '')
    const phrase = one.name === undefined ? '' : composePhrase(one.name)
    if (phrase !== '') words.push(...(phrase.startsWith('"') ? [phrase] : phrase.split(/ +/)))
    words.push((phrase === '' ? address : `<${address}>`) + (i + 1 < addresses.length ? ',' : ''))
  }
  return `${foldWords(`${name}:`, words)}\r\n`
}
