/**
 * Domain names as text and on the wire (RFC 1035 §3.1).
 *
 * As text a name has no final dot, and the root is `.`. Any octet may stand in a label (RFC 2181 §11): what
 * is not printable ASCII, and dots and backslashes inside a label, are written as in zone files, `\.` and
 * `\007` (RFC 1035 §5.1). A name keeps its case; two are the same where `foldName` of both is (RFC 4343 §3).
 * What must always hold: a name is at most 255 octets and a label at most 63, in both directions.
 */

/** RFC 1035 §2.3.4. */
export const longestName = 255
const longestLabel = 63
/** Every octet escaped. */
const longestText = 4 * longestName

export const rootName = '.'

/** For comparison and as a key. The text of a name is ASCII, so nothing but A to Z changes. */
export const foldName = (name: string): string => name.toLowerCase()

const isPlain = (c: number): boolean => c > 0x20 && c < 0x7f && c !== 0x2e && c !== 0x5c

/** That the text is a name as it stands: no escapes, no final dot, labels of 1 to 63 octets. */
export function isPlainName(text: string): boolean {
  if (text.length > longestName - 2) return false
  let label = 0
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (isPlain(c)) label++
    else if (c !== 0x2e || label === 0 || label > longestLabel) return false
    else label = 0
  }
  return label > 0 && label <= longestLabel
}

/** The text of a label. */
export function labelText(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  for (let i = start; i < end; i++) {
    const c = bytes[i]!
    if (isPlain(c)) text += String.fromCharCode(c)
    else if (c === 0x2e || c === 0x5c) text += `\\${String.fromCharCode(c)}`
    else text += `\\${String(c).padStart(3, '0')}`
  }
  return text
}

/** The octet that an escape stands for, and where the text goes on; undefined where it is none. */
function readEscape(text: string, at: number): readonly [octet: number, next: number] | undefined {
  const digits = /^\d{3}$/.test(text.slice(at + 1, at + 4)) ? Number(text.slice(at + 1, at + 4)) : undefined
  if (digits !== undefined) return digits > 255 ? undefined : [digits, at + 4]
  const c = text.charCodeAt(at + 1)
  return c > 0x20 && c < 0x7f && !(c >= 0x30 && c <= 0x39) ? [c, at + 2] : undefined
}

/**
 * The name on the wire, without compression, with or without a final dot in the text. Undefined where no name
 * is spelled like this: an empty or over-long label, more than 255 octets, spaces, controls, or letters
 * beyond ASCII, which have to be A-labels here.
 */
export function encodeName(text: string): Buffer | undefined {
  if (text === rootName) return Buffer.of(0)
  if (text.length > longestText) return undefined
  const wire = Buffer.alloc(longestName)
  let label = 0
  let at = 1
  for (let i = 0; i < text.length;) {
    let c = text.charCodeAt(i)
    if (c === 0x2e) {
      if (!endLabel(wire, label, at)) return undefined
      label = at++
      i++
      continue
    }
    if (c === 0x5c) {
      const escape = readEscape(text, i)
      if (escape === undefined) return undefined
      ;[c, i] = escape
    } else if (isPlain(c)) i++
    else return undefined
    // The root label after this one needs an octet as well.
    if (at >= longestName - 1) return undefined
    wire[at++] = c
  }
  if (at - label > 1) {
    if (!endLabel(wire, label, at)) return undefined
    label = at++
  }
  return label === 0 ? undefined : wire.subarray(0, at)
}

function endLabel(wire: Buffer, label: number, end: number): boolean {
  const length = end - label - 1
  if (length === 0 || length > longestLabel || end >= longestName) return false
  wire[label] = length
  return true
}

/** True where `name` is `ancestor` or below it. Both folded. */
export function isWithin(name: string, ancestor: string): boolean {
  if (ancestor === rootName || name === ancestor) return true
  if (!name.endsWith(`.${ancestor}`)) return false
  // The dot before it must be one between labels: an odd number of backslashes makes it part of one.
  let backslashes = 0
  for (let i = name.length - ancestor.length - 2; i >= 0 && name[i] === '\\'; i--) backslashes++
  return backslashes % 2 === 0
}
