/**
 * The keys by which texts of headers are sorted and found equal (RFC 5255 §4.6, RFC 5051). A text that is not valid in
 * its charset has its bytes as its key, and comes after all others.
 */
import { baseSubject } from '#message/base-subject.ts'
import { decodeHeaderText, headerOctets } from '#message/encoded-word.ts'
import { sortKey } from '#message/fold-text.ts'
import type { StoredStructure } from '#message/structure-codec.ts'
import { WireReader } from '#message/wire.ts'

/** What a decoder puts where bytes mean nothing in the charset. */
const undecodable = '\ufffd'
/** No key of a valid text begins with it. */
const afterTexts = '\uffff'

/** Of header text as it stands in the message, a character per byte. */
export function headerKey(raw: string): string {
  const text = decodeHeaderText(raw)
  return text.includes(undecodable) ? afterTexts + headerOctets(raw) : sortKey(text)
}

/** Of the base subject. */
export function subjectKey(structure: StoredStructure): string {
  const base = structure.baseSubject
  if (!base.includes(undecodable)) return sortKey(base)
  const raw = new WireReader(structure.memberWire('subject')).nstring() ?? ''
  return afterTexts + baseSubject(headerOctets(raw))
}
