/**
 * The readable text of an HTML body, for previews and search: tags dropped, block elements as line
 * breaks, character references resolved, invisible elements skipped. It is not a parser and its result
 * is not HTML: never show it as such. One pass, linear in the input, and it stops when it has enough.
 */
import { characterReference } from './html-entities.ts'
import { ShownAttributes } from './shown-attributes.ts'

const invisible: ReadonlySet<string> = new Set(['script', 'style', 'title', 'template', 'noscript', 'object'])
const blocks: ReadonlySet<string> = new Set(
  'address article aside blockquote body br center dd div dl dt fieldset footer form h1 h2 h3 h4 h5 h6 head header hr html li main nav ol p pre section table tbody td tfoot th thead tr ul'.split(
    ' ',
  ),
)

const MAX_REFERENCE = 12

/** At most about `maxChars` characters of text; white space is that of the source. */
export const htmlToText = (html: string, maxChars = Infinity): string => textOf(html, maxChars, undefined)

/** The same to be searched (RFC 8621 §4.4.1): behind the text, what attributes have that are meant to be shown. */
export function htmlToSearch(html: string): string {
  const shown = new ShownAttributes(html)
  const text = textOf(html, Infinity, shown)
  return [text, ...shown.values].join('\n')
}

function textOf(html: string, maxChars: number, shown: ShownAttributes | undefined): string {
  const out: string[] = []
  let length = 0
  let at = 0
  /** An attribute's quote that never ends was seen: from there on, a tag ends at the first ">". */
  const state = { quotesEnd: true }
  while (at < html.length && length < maxChars) {
    const next = nextMarkup(html, at)
    if (next > at) {
      out.push(html.slice(at, next))
      length += next - at
    }
    if (next >= html.length) break
    if (html.charCodeAt(next) === 0x26) {
      const reference = readReference(html, next)
      out.push(reference.text)
      length += reference.text.length
      at = reference.end
      continue
    }
    const tag = tagName(html, next)
    if (tag === undefined) {
      out.push('<')
      length++
      at = next + 1
      continue
    }
    const isInvisible = invisible.has(tag)
    at = isInvisible ? elementEnd(html, next, tag, state) : markupEnd(html, next, state)
    if (!isInvisible && tag !== '!') shown?.addTag(next + 1 + tag.length, at)
    if (blocks.has(tag.startsWith('/') ? tag.slice(1) : tag)) {
      out.push('\n')
      length++
    }
  }
  return out.join('')
}

function nextMarkup(html: string, start: number): number {
  let at = start
  while (at < html.length) {
    const c = html.charCodeAt(at)
    if (c === 0x3c || c === 0x26) break
    at++
  }
  return at
}

const isAlphanumeric = (c: number): boolean =>
  (c >= 0x30 && c <= 0x39) || ((c | 0x20) >= 0x61 && (c | 0x20) <= 0x7a && c < 0x80)

/** "p", "/p", "!" for comments and declarations; undefined where "<" is just a character. */
function tagName(html: string, at: number): string | undefined {
  const first = html.charCodeAt(at + 1)
  if (first === 0x21 || first === 0x3f) return '!'
  let end = first === 0x2f ? at + 2 : at + 1
  const start = end
  while (end < html.length && end - start < 16 && isAlphanumeric(html.charCodeAt(end))) end++
  return end === start ? undefined : html.slice(at + 1, end).toLowerCase()
}

/** Behind the tag, comment or declaration that begins at `at`. */
function markupEnd(html: string, at: number, state: { quotesEnd: boolean }): number {
  if (html.startsWith('<!--', at)) {
    const end = html.indexOf('-->', at + 4)
    return end < 0 ? html.length : end + 3
  }
  if (state.quotesEnd) {
    let quote = 0
    for (let i = at + 1; i < html.length; i++) {
      const c = html.charCodeAt(i)
      if (quote !== 0) {
        if (c === quote) quote = 0
      } else if (c === 0x3e) {
        return i + 1
      } else if (c === 0x22 || c === 0x27) {
        quote = c
      }
    }
    state.quotesEnd = false
  }
  const end = html.indexOf('>', at)
  return end < 0 ? html.length : end + 1
}

/** Behind the end tag of an invisible element; all that follows is invisible where it is missing. */
function elementEnd(html: string, at: number, tag: string, state: { quotesEnd: boolean }): number {
  const closing = new RegExp(`</${tag}`, 'gi')
  closing.lastIndex = at
  const match = closing.exec(html)
  return match === null ? html.length : markupEnd(html, match.index, state)
}

function readReference(html: string, at: number): { text: string; end: number } {
  let end = at + 1
  while (end < html.length && end - at <= MAX_REFERENCE && /[#A-Za-z0-9]/.test(html[end]!)) end++
  const text = characterReference(html.slice(at + 1, end))
  if (text === undefined) return { text: '&', end: at + 1 }
  return { text, end: html[end] === ';' ? end + 1 : end }
}
