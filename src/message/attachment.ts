/**
 * Whether a message shows a paper clip: it has a part that a client should offer as a download
 * (RFC 8621 §4.1.4, "hasAttachment"). Bodies, their alternatives, embedded images, signatures and the
 * machine-readable parts of reports are none.
 */
import { fileName, isMultipart, type Part } from './structure.ts'

const signatures: ReadonlySet<string> = new Set([
  'pgp-signature',
  'pkcs7-signature',
  'x-pkcs7-signature',
  'pgp-encrypted',
])

export const hasAttachment = (root: Part): boolean => offers(root, undefined, 0)

function offers(part: Part, parent: Part | undefined, position: number): boolean {
  if (isMultipart(part)) return part.children.some((child, i) => offers(child, part, i))
  if (part.type === 'application' && signatures.has(part.subtype) && parent !== undefined) return false
  const disposition = part.disposition?.type
  if (disposition === 'attachment') return true
  if (disposition === 'inline') return false
  const isBody = part.type === 'text' && (part.subtype === 'plain' || part.subtype === 'html')
  if (isBody) return fileName(part) !== undefined && position > 0
  if (parent === undefined || parent.subtype === 'mixed') return true
  if (parent.subtype === 'related') return position > 0 && part.id === undefined
  if (parent.subtype === 'alternative' || parent.subtype === 'report') return fileName(part) !== undefined
  return true
}
