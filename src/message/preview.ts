/**
 * The first words of a message, for a list of messages (RFC 8621 §4.1.4 "preview", RFC 8970 §3): plain
 * text of at most 256 characters, white space collapsed, without the invisible filler that newsletters
 * put there. Only a bounded beginning of a body is ever decoded for it.
 */
import { decodeText } from './body.ts'
import { htmlToText } from './html-to-text.ts'

/** RFC 8970 §3.3: no preview is longer, counted in characters. */
export const MAX_PREVIEW = 256
/** Of a body's encoded bytes, as many as previews are made from. */
export const PLAIN_PREFIX = 4096
export const HTML_PREFIX = 32_768

/** The preview of a text body of which `bytes` is the beginning. `html` tells HTML from plain text. */
export function previewOf(
  bytes: Uint8Array,
  encoding: string,
  charset: string | undefined,
  html: boolean,
): string {
  const text = decodeText(bytes, encoding, charset, true)
  if (!html) return collapse(text)
  // Twice and four times as much, should most of it be white space.
  for (const chars of [2 * MAX_PREVIEW, 8 * MAX_PREVIEW]) {
    const preview = collapse(htmlToText(text, chars))
    if (preview.length >= MAX_PREVIEW - 1) return preview
  }
  return collapse(htmlToText(text))
}

/** 1 for white space and control characters, 2 for what has no width, 0 for all else. */
function fillerKind(c: number): 0 | 1 | 2 {
  if (c <= 0x20) return 1
  if (c < 0x7f) return 0
  if (c <= 0xa0 || (c >= 0x2000 && c <= 0x200a) || c === 0x2028 || c === 0x2029 || c === 0x3000) return 1
  const widthless = c === 0xad || c === 0x34f || (c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e)
  return widthless || (c >= 0x2060 && c <= 0x206f) || c === 0xfeff ? 2 : 0
}

/**
 * Text with every run of white space as one space, and without characters that have no width, cut to
 * `MAX_PREVIEW` without splitting a character. A lone (non-)joiner between letters is part of the word.
 */
export function collapse(text: string): string {
  let out = ''
  let at = 0
  while (at < text.length && out.length < MAX_PREVIEW) {
    const gapStart = at
    let space = false
    for (let kind = fillerKind(text.charCodeAt(at)); kind !== 0; kind = fillerKind(text.charCodeAt(at))) {
      space ||= kind === 1
      if (++at >= text.length) break
    }
    const start = at
    while (at < text.length && at - start <= MAX_PREVIEW && fillerKind(text.charCodeAt(at)) === 0) at++
    if (at === start) break
    const joiner = start - gapStart === 1 && /[\u200c\u200d]/.test(text[gapStart]!) ? text[gapStart]! : ''
    out += (out === '' ? '' : space ? ' ' : joiner) + text.slice(start, at)
  }
  const last = out.length < MAX_PREVIEW ? 0 : out.charCodeAt(MAX_PREVIEW - 1)
  return out.slice(0, last >= 0xd800 && last <= 0xdbff ? MAX_PREVIEW - 1 : MAX_PREVIEW).toWellFormed()
}
