/**
 * Content-Disposition of a download (RFC 6266): always `attachment`, with the name as one wrote it and, for clients
 * that do not know better, as near to it as plain ASCII comes. Whatever the name, it stays inside its quotes.
 */

/** What RFC 8187 §3.2.1 lets stand without encoding, besides letters and digits; encodeURIComponent spares more. */
const notSpared = /[!'()*]/g
/** Some clients decode what looks encoded in the plain form (RFC 6266 §4.3 and appendix D). */
const plainName = /^[\w !#$&'()+,.;=@[\]^`{}~-]+$/

/** A lone half of a surrogate pair becomes U+FFFD. */
export function attachment(name: string): string {
  const text = name.toWellFormed()
  if (text === '') return 'attachment'
  if (plainName.test(text)) return `attachment; filename="${text}"`
  const plain = Array.from(text, (character) => (plainName.test(character) ? character : '_')).join('')
  return `attachment; filename="${plain}"; filename*=UTF-8''${encode(text)}`
}

const encode = (text: string): string =>
  encodeURIComponent(text).replace(
    notSpared,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
