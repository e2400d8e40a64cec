/**
 * The text of Rich Text Format: groups in braces, control words, and characters of a code page or of Unicode.
 * Time is linear; groups may be as deep as they like, since little more than their number is kept.
 */
import { decodeCharset } from '#message/charset.ts'

/** Control words whose group is not text. */
const hidden =
  /^(?:fonttbl|colortbl|stylesheet|info|pict|object|themedata|datastore|latentstyles|generator|xmlnstbl|listtable)$/
const breaks = /^(?:par|line|tab|cell|row|sect|page)$/
const signs: ReadonlyMap<string, string> = new Map([
  ['lquote', '‘'],
  ['rquote', '’'],
  ['ldblquote', '“'],
  ['rdblquote', '”'],
  ['endash', '–'],
  ['emdash', '—'],
  ['bullet', '•'],
])
/** Bytes of a code page come together: one character may have two of them. */
const token =
  /\\([a-z]{1,32})(-?\d{1,10})? ?|((?:\\'[0-9a-f]{2}[\r\n]*){1,4096})|\\([^a-z'])|([{}])|([^\\{}]+)/gi
/** Groups deeper than this share what `\uc` says. */
const mostScopes = 1000

export function rtfText(source: string): string {
  const out: string[] = []
  let depth = 0
  /** The depth of the group that is being passed over. */
  let hiddenAt = 0
  /** Bytes that stand after each \u for older readers, as \uc says; by depth, what it was outside a group. */
  let replaced = 1
  const outside: number[] = []
  /** How many of them are still to come. */
  let skip = 0
  let codePage = 'windows-1252'
  const tokens = new RegExp(token)
  for (let match = tokens.exec(source); match !== null; match = tokens.exec(source)) {
    const [, word, number, bytes, symbol, brace, text] = match
    if (brace === '{') {
      if (depth >= 0 && depth < mostScopes) outside[depth] = replaced
      depth++
    } else if (brace === '}') {
      if (hiddenAt === depth) hiddenAt = 0
      replaced = outside[--depth] ?? replaced
    } else if (word !== undefined) {
      if (word === 'ansicpg') codePage = `windows-${number ?? '1252'}`
      if (word === 'bin') tokens.lastIndex += Math.max(0, Number(number ?? 0))
      if (hiddenAt === 0 && hidden.test(word)) hiddenAt = depth
      if (hiddenAt !== 0) continue
      if (word === 'uc') replaced = Math.min(Math.max(0, Number(number ?? 1)), 8)
      else if (word === 'u') {
        out.push(String.fromCharCode(Number(number ?? 63) & 0xffff))
        skip = replaced
      } else if (breaks.test(word)) out.push('\n')
      else if (signs.has(word)) out.push(signs.get(word)!)
    } else if (symbol === '*' && hiddenAt === 0) hiddenAt = depth
    else if (hiddenAt !== 0) continue
    else if (bytes !== undefined) {
      const all = Buffer.from(bytes.replaceAll(/[^0-9a-f]/gi, ''), 'hex')
      out.push(decodeCharset(all.subarray(skip), codePage))
      skip = Math.max(0, skip - all.length)
    } else if (symbol !== undefined) {
      if (symbol === '~') out.push(' ')
      else if (/[\\{}]/.test(symbol)) out.push(symbol)
    } else if (text !== undefined) {
      const plain = text.replaceAll(/[\r\n]/g, '')
      out.push(plain.slice(skip))
      skip = 0
    }
  }
  return out.join('')
}
