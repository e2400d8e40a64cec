/**
 * The text of Rich Text Format: groups in braces, control words, and characters of a code page or of Unicode.
 * Time is linear; groups may be as deep as they like, since only their number is kept.
 */
import { decodeCharset } from '#message/charset.ts'

/** Control words whose group is not text. */
const hidden =
  /^(?:fonttbl|colortbl|stylesheet|info|pict|object|themedata|datastore|latentstyles|generator|xmlnstbl|listtable)$/
const token = /\\([a-z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-f]{2})|\\([^a-z'])|([{}])|([^\\{}]+)/gi

export function rtfText(source: string): string {
  const out: string[] = []
  let depth = 0
  /** The depth of the group that is being passed over. */
  let hiddenAt = 0
  /** Characters after \u that stand for it in older readers. */
  let skip = 0
  let codePage = 'windows-1252'
  for (const [, word, number, hex, symbol, brace, text] of source.matchAll(token)) {
    if (brace === '{') depth++
    else if (brace === '}') {
      if (hiddenAt === depth) hiddenAt = 0
      depth--
    } else if (word !== undefined) {
      if (word === 'ansicpg') codePage = `windows-${number ?? '1252'}`
      if (hiddenAt === 0 && hidden.test(word)) hiddenAt = depth
      if (hiddenAt !== 0) continue
      if (word === 'u') {
        out.push(String.fromCharCode(Number(number ?? 63) & 0xffff))
        skip = 1
      } else if (/^(?:par|line|tab|cell|row|sect|page)$/.test(word)) out.push('\n')
    } else if (symbol === '*' && hiddenAt === 0) hiddenAt = depth
    else if (hiddenAt !== 0) continue
    else if (hex !== undefined) {
      if (skip > 0) skip--
      else out.push(decodeCharset(Buffer.from(hex, 'hex'), codePage))
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
