/**
 * Lists of `tag=value` as signatures and key records hold them (RFC 6376 §3.2): DKIM and ARC read both with
 * this. Text has one character per byte. Reading is strict, as RFC 6376 §6.1.1 wants it, except that bytes
 * above 127 may stand in a value (RFC 8616 §5). Every function is linear in its text.
 */
import { SyntaxFault } from '#base/fault.ts'

export interface Tag {
  /** Without white space around it; white space and folding inside are as they were. */
  readonly value: string
  /** Where the value stands in the text, with all white space around it: from behind "=" to ";" or the end. */
  readonly start: number
  readonly end: number
}

/** By name; names are case-sensitive. */
export type TagList = ReadonlyMap<string, Tag>

/** Control characters, and line ends that fold nothing. */
const foreign = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n[ \t])|(?<!\r)\n/

const isSpace = (c: number): boolean => c === 0x20 || c === 0x09 || c === 0x0d || c === 0x0a
const isAlpha = (c: number): boolean => (c >= 0x41 && c <= 0x5a) || (c >= 0x61 && c <= 0x7a)
const isNameRest = (c: number): boolean => isAlpha(c) || (c >= 0x30 && c <= 0x39) || c === 0x5f

function afterSpace(text: string, at: number): number {
  while (at < text.length && isSpace(text.charCodeAt(at))) at++
  return at
}

/** Reads a list with at least one tag. Throws `SyntaxFault` with what is wrong, in words for people. */
export function parseTagList(text: string): TagList {
  const stray = foreign.exec(text)
  if (stray !== null) throw new SyntaxFault('a control character or a bare line end', stray.index)
  const tags = new Map<string, Tag>()
  for (let at = afterSpace(text, 0); at < text.length || tags.size === 0; at = afterSpace(text, at)) {
    const nameStart = at
    if (!isAlpha(text.charCodeAt(at))) throw new SyntaxFault('no tag where one is due', at)
    while (at < text.length && isNameRest(text.charCodeAt(at))) at++
    const name = text.slice(nameStart, at)
    at = afterSpace(text, at)
    if (text[at] !== '=') throw new SyntaxFault(`no "=" after the tag ${name.slice(0, 20)}`, at)
    const semicolon = text.indexOf(';', at)
    const tag = readValue(text, at + 1, semicolon < 0 ? text.length : semicolon)
    // RFC 6376 §3.2: a tag that is there twice makes the whole list invalid.
    if (tags.has(name)) throw new SyntaxFault(`the tag ${name.slice(0, 20)} is there twice`, nameStart)
    tags.set(name, tag)
    at = tag.end + 1
  }
  return tags
}

function readValue(text: string, start: number, end: number): Tag {
  const first = Math.min(afterSpace(text, start), end)
  let last = end
  while (last > first && isSpace(text.charCodeAt(last - 1))) last--
  return { value: text.slice(first, last), start, end }
}

/** A value without any white space, where a tag allows folding anywhere. */
export const withoutSpace = (value: string): string => value.replace(/[ \t\r\n]+/g, '')

/** The items between colons, each without white space around it; an item may be empty. */
export const colonList = (value: string): readonly string[] => value.split(':').map((item) => item.trim())

/** The bytes of a base64string (RFC 6376 §2.10), whose padding is optional; undefined where it is none. */
export function base64Value(value: string): Buffer | undefined {
  const digits = withoutSpace(value)
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(digits)) return undefined
  return Buffer.from(digits, 'base64')
}
