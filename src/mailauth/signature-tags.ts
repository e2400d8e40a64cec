/**
 * The tags that signatures of DKIM and of ARC have in common (RFC 6376 §3.5, RFC 8616 §5). Each function reads
 * one; those that throw do so for a value outside its grammar, with a `SyntaxFault` in words for people.
 */
import { latin1 } from '#base/bytes.ts'
import { normaliseDomain } from '#base/domain-name.ts'
import { SyntaxFault } from '#base/fault.ts'
import type { Canonicalization } from './canonical.ts'
import type { KeyType } from './dkim-key.ts'
import { base64Value, colonList, type TagList } from './tag-list.ts'

/** More than any signature with all fields copied into `z=` takes. */
export const longestField = 65_536

/** By algorithm, in lower case. */
export const keyTypes: ReadonlyMap<string, KeyType> = new Map([
  ['rsa-sha256', 'rsa'],
  ['ed25519-sha256', 'ed25519'],
])

/** Text that may be UTF-8 (RFC 8616 §5); undefined where it has other bytes above 127. */
export function utf8(value: string): string | undefined {
  if (!/[\x80-\xff]/.test(value)) return value
  const text = latin1(value).toString('utf8')
  return text.includes('\ufffd') ? undefined : text
}

/** RFC 6376 §3.5: a domain-name has two labels at least. */
export function domainOf(value: string): string | undefined {
  const text = utf8(value)
  if (text === undefined || text.endsWith('.')) return undefined
  const domain = normaliseDomain(text)
  return domain?.includes('.') === true ? domain : undefined
}

/**
 * `c=`, of header and body; undefined where one is unknown. RFC 6376 §3.5: one method is that of the header,
 * and both are `simple` where nothing is said.
 */
export function canonicalizations(tags: TagList): readonly [Canonicalization, Canonicalization] | undefined {
  const methods = (tags.get('c')?.value.toLowerCase() ?? 'simple').split('/')
  const [header, body = 'simple'] = methods
  const isKnown = (method: string | undefined) => method === 'simple' || method === 'relaxed'
  return methods.length <= 2 && isKnown(header) && isKnown(body) ? [header, body] : undefined
}

/** `h=`, in lower case. */
export function fieldNames(tags: TagList): readonly string[] {
  const names = colonList(tags.get('h')!.value.toLowerCase())
  // RFC 5322 §3.6.8
  if (!names.every((name) => /^[\x21-\x39\x3b-\x7e]+$/.test(name))) {
    throw new SyntaxFault('h= has something that is no name of a field', 0)
  }
  return names
}

/** At least one byte. */
export function base64Of(tags: TagList, name: string): Buffer {
  const value = base64Value(tags.get(name)!.value)
  if (value === undefined || value.length === 0) throw new SyntaxFault(`${name}= is no base64`, 0)
  return value
}

/** An unsigned number of so many digits; one that is too large to count is larger than anything. */
export function numberOf(tags: TagList, name: string, digits: number): number | undefined {
  const value = tags.get(name)?.value
  if (value === undefined) return undefined
  if (value.length > digits || !/^[0-9]+$/.test(value)) throw new SyntaxFault(`${name}= is no number`, 0)
  return Number(value)
}

/** Since 1970. */
export const secondsOf = (tags: TagList, name: string): number | undefined => numberOf(tags, name, 12)
