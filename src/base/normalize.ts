/**
 * Unicode's normalization forms, in time that grows with the text and not with its square.
 *
 * Marks behind a letter are put in order, for which V8 takes the square of how many there are: a megabyte of them would
 * hold up everybody for minutes. No language has many, so that only so many at once are looked at, much as in the
 * Stream-Safe Text Format (UAX 15 §13).
 */

/** Of marks in a row that are ordered among themselves. */
export const mostMarks = 64
/** Every run of so many has a character at one of these distances, so that not all characters are looked at. */
const stride = mostMarks / 2

/** With the two that become marks in the forms of compatibility. */
const mark = /[\p{M}\uff9e\uff9f]/u

export function normalized(text: string, form: 'NFC' | 'NFKC' | 'NFKD'): string {
  let out = ''
  let from = 0
  for (let at = stride; at < text.length; at += stride) {
    if (!isMark(text, at)) continue
    let start = at
    while (start > from && isMark(text, start - 1)) start--
    while (at < text.length && isMark(text, at)) at++
    for (let cut = start + mostMarks; cut < at; cut += mostMarks) {
      if (isLowHalf(text, cut)) cut++
      out += text.slice(from, cut).normalize(form)
      from = cut
    }
  }
  return out + text.slice(from).normalize(form)
}

/** Of both halves of a character that has two. */
function isMark(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  if (code < 0x300) return false
  if ((code & 0xf800) !== 0xd800) return mark.test(text.charAt(at))
  const start = isLowHalf(text, at) ? at - 1 : at
  return mark.test(text.slice(Math.max(0, start), start + 2))
}

const isLowHalf = (text: string, at: number): boolean => (text.charCodeAt(at) & 0xfc00) === 0xdc00
