/**
 * Text from peers as it may stand in a log line: whatever it holds, it stays on its line, moves no cursor,
 * changes no colour, reverses no reading direction, and cannot pass for another field.
 */

/** A longer value is cut. Enough for an address, a reply line, a subject. */
const longestValue = 1000

/** What people do not see as it is: controls, formats (among them bidi), separators of lines, unassigned. */
const invisible = /[\p{C}\p{Zl}\p{Zp}]/gu
const bareValue = /^[\x21\x23-\x3c\x3e-\x5b\x5d-\x7e]+$/
/** What a JSON string holds as it is. */
const plainString = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/
const plainAscii = /^[\x20-\x7e]*$/

const escapeUnits = (text: string): string => {
  let escaped = ''
  for (let i = 0; i < text.length; i++) escaped += `\\u${text.charCodeAt(i).toString(16).padStart(4, '0')}`
  return escaped
}

const cut = (text: string, longest: number): string =>
  text.length > longest ? `${text.slice(0, longest)}…` : text

/** A JSON string, in quotes. */
export function quoted(text: string, longest = longestValue): string {
  if (text.length <= longest && plainString.test(text)) return `"${text}"`
  const json = JSON.stringify(cut(text, longest))
  return plainAscii.test(json) ? json : json.replace(invisible, escapeUnits)
}

/** For `name=value`: as it is where it is one plain ASCII word, else in quotes. */
export const word = (text: string): string =>
  text.length <= longestValue && bareValue.test(text) ? text : quoted(text)

/** A line of its own, such as one of a stack trace. */
export const visible = (text: string): string => {
  const short = cut(text, longestValue)
  return plainAscii.test(short) ? short : short.replace(invisible, escapeUnits)
}
