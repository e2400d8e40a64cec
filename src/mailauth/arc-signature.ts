/**
 * The two signatures of an ARC set: ARC-Message-Signature (RFC 8617 §4.1.2), which is a DKIM signature with
 * another meaning of `i=`, and ARC-Seal (§4.1.3), which covers fields of ARC only. What must hold: what is read
 * has all that checking it needs; anything else is a `SyntaxFault` in words for people.
 */
import { SyntaxFault } from '#base/fault.ts'
import type { Canonicalization } from './canonical.ts'
import type { KeyType } from './dkim-key.ts'
import { keyName } from './dkim-key-lookup.ts'
import {
  base64Of,
  canonicalizations,
  domainOf,
  fieldNames,
  keyTypes,
  longestField,
  secondsOf,
  utf8,
} from './signature-tags.ts'
import { parseTagList, type Tag, type TagList } from './tag-list.ts'

export interface ArcSignature {
  /** `d=` with A-labels, in lower case. */
  readonly domain: string
  readonly selector: string
  readonly keyType: KeyType
  /** Where the key is asked for. */
  readonly keyName: string
  readonly signature: Buffer
  readonly signatureTag: Tag
}

export interface ArcMessageSignature extends ArcSignature {
  readonly header: Canonicalization
  readonly body: Canonicalization
  /** `h=`, in lower case. */
  readonly names: readonly string[]
  readonly bodyHash: Buffer
  /** `x=`, seconds since 1970. */
  readonly expiresAt: number | undefined
}

/** `text` is the value of the field, one character per byte, without the line end behind it. */
export function readArcTags(text: string): TagList {
  if (text.length > longestField) throw new SyntaxFault('the field is too long', longestField)
  return parseTagList(text)
}

function need(tags: TagList, names: readonly string[]): void {
  const missing = names.find((name) => !tags.has(name))
  if (missing !== undefined) throw new SyntaxFault(`there is no ${missing}=`, 0)
}

function readCommon(tags: TagList): ArcSignature {
  need(tags, ['a', 'b', 'd', 's'])
  const value = (name: string): string => tags.get(name)!.value
  const domain = domainOf(value('d'))
  if (domain === undefined) throw new SyntaxFault('d= is no domain', 0)
  const selector = utf8(value('s')) ?? ''
  const name = keyName(selector, domain)
  if (selector === '' || name === undefined) throw new SyntaxFault('s= is no selector', 0)
  const keyType = keyTypes.get(value('a').toLowerCase())
  if (keyType === undefined) throw new SyntaxFault('a= is no algorithm that counts', 0)
  // Says nothing that is used here, and is still to be within its grammar.
  secondsOf(tags, 't')
  return {
    domain,
    selector,
    keyType,
    keyName: name,
    signature: base64Of(tags, 'b'),
    signatureTag: tags.get('b')!,
  }
}

export const readSeal = (tags: TagList): ArcSignature => readCommon(tags)

export function readMessageSignature(tags: TagList): ArcMessageSignature {
  const common = readCommon(tags)
  need(tags, ['bh', 'h'])
  const methods = canonicalizations(tags)
  if (methods === undefined) throw new SyntaxFault('c= is no canonicalization that is known', 0)
  const names = fieldNames(tags)
  // RFC 6376 §5.4: From must be signed.
  if (!names.includes('from')) throw new SyntaxFault('From is not signed', 0)
  // RFC 8617 §4.1.2 forbids all fields of ARC; others occur, but a seal is made after what it seals.
  if (names.includes('arc-seal')) throw new SyntaxFault('h= names ARC-Seal', 0)
  // RFC 6376 §8.2: anybody could add to such a body. Sealers sign all of it.
  if (tags.has('l')) throw new SyntaxFault('only a part of the body is signed', 0)
  const [header, body] = methods
  const bodyHash = base64Of(tags, 'bh')
  return { ...common, header, body, names, bodyHash, expiresAt: secondsOf(tags, 'x') }
}
