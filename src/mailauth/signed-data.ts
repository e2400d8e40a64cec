/**
 * What the signature of header fields is made over (RFC 6376 §3.7): the fields that it names, then the field
 * that will hold it with the value of its `b=` empty and without its line end. DKIM and ARC differ only in
 * which fields these are.
 */
import { latin1 } from '#base/bytes.ts'
import { canonicalField, type Canonicalization } from './canonical.ts'
import type { HeaderFields } from './header-fields.ts'
import type { Tag } from './tag-list.ts'

/** `places` are those of `header.all`; `own` is what `emptied` gives. */
export const signedData = (
  header: HeaderFields,
  places: readonly number[],
  method: Canonicalization,
  own: Buffer,
): Buffer => Buffer.concat([...places.map((place) => header.canonical(place, method)), own])

/** The value of a field as the text that its tags are read from: without the line end behind it. */
export function tagText(header: HeaderFields, place: number): string {
  const { bytes, all } = header
  const { valueStart, end } = all[place]!
  const text = bytes.toString('latin1', valueStart, end)
  return text.endsWith('\r\n') ? text.slice(0, -2) : text
}

/** The field at `place`, canonical, without the value of the tag, whose offsets are those of `tagText`. */
export function emptied(header: HeaderFields, place: number, tag: Tag, method: Canonicalization): Buffer {
  const { nameStart, nameEnd, valueStart, end } = header.all[place]!
  const bytes = Buffer.concat([
    header.bytes.subarray(nameStart, valueStart + tag.start),
    header.bytes.subarray(valueStart + tag.end, end),
  ])
  return withoutLineEnd(bytes, nameEnd - nameStart, valueStart - nameStart, method)
}

/** A new field, given with its `b=` still empty and without a line end, in canonical form. */
export function unsignedField(text: string, method: Canonicalization): Buffer {
  const colon = text.indexOf(':')
  return withoutLineEnd(latin1(text), colon, colon + 1, method)
}

function withoutLineEnd(
  bytes: Buffer,
  nameEnd: number,
  valueStart: number,
  method: Canonicalization,
): Buffer {
  const field = { nameStart: 0, nameEnd, valueStart, end: bytes.length }
  return canonicalField(bytes, field, method).subarray(0, -2)
}
