/**
 * The DKIM-Signature field (RFC 6376 §3.5, §6.1.1, RFC 8463 §4.1, RFC 8616 §5). What must hold: a signature
 * that is read has all that checking it needs, each value within its grammar; any other is refused with the
 * reason, and with what it claims as far as that can be read.
 */
import { SyntaxFault } from '#base/fault.ts'
import type { Canonicalization } from './canonical.ts'
import { type DkimClaims, type DkimReason, noClaims } from './dkim-check.ts'
import type { KeyType } from './dkim-key.ts'
import { keyName } from './dkim-key-lookup.ts'
import {
  base64Of,
  canonicalizations,
  domainOf,
  fieldNames,
  keyTypes,
  longestField,
  numberOf,
  secondsOf,
  utf8,
} from './signature-tags.ts'
import { colonList, parseTagList, type Tag, type TagList, withoutSpace } from './tag-list.ts'

export interface DkimSignature {
  readonly kind: 'signature'
  readonly claims: DkimClaims
  readonly keyType: KeyType
  /** Where the key is asked for. */
  readonly keyName: string
  /** Whether the domain of the identity is the signing domain itself. */
  readonly isIdentityExact: boolean
  readonly header: Canonicalization
  readonly body: Canonicalization
  /** `h=`, in lower case. */
  readonly names: readonly string[]
  readonly bodyHash: Buffer
  readonly signature: Buffer
  readonly signatureTag: Tag
  /** `l=`; undefined where the whole body is signed. */
  readonly bodyLength: number | undefined
  /** `t=` and `x=`, seconds since 1970. */
  readonly signedAt: number | undefined
  readonly expiresAt: number | undefined
}

export interface RefusedSignature {
  readonly kind: 'refused'
  readonly claims: DkimClaims
  readonly reason: DkimReason
  readonly text: string
}

const required = ['v', 'a', 'b', 'bh', 'd', 'h', 's']

/** `text` is the value of the field, one character per byte, without the line end behind it. */
export function readDkimSignature(text: string): DkimSignature | RefusedSignature {
  let claims = noClaims
  try {
    if (text.length > longestField) throw new SyntaxFault('the field is too long', longestField)
    const tags = parseTagList(text)
    claims = readClaims(tags)
    const refusal = refusalOf(tags, claims)
    if (refusal === undefined) return readTags(tags, claims)
    return { kind: 'refused', claims, reason: refusal[0], text: refusal[1] }
  } catch (error) {
    if (!(error instanceof SyntaxFault)) throw error
    return { kind: 'refused', claims, reason: 'syntax', text: `the signature is malformed: ${error.message}` }
  }
}

function readClaims(tags: TagList): DkimClaims {
  const value = (name: string): string => tags.get(name)?.value ?? ''
  const domain = domainOf(value('d')) ?? ''
  const selector = utf8(value('s')) ?? ''
  const algorithm = value('a').toLowerCase()
  return {
    domain,
    selector: domain !== '' && keyName(selector, domain) !== undefined ? selector : '',
    identity: tags.has('i') ? (readIdentity(value('i'))?.text ?? '') : domain === '' ? '' : `@${domain}`,
    algorithm: /^[a-z][a-z0-9]{0,19}-[a-z][a-z0-9]{0,19}$/.test(algorithm) ? algorithm : '',
    signatureStart: /^[A-Za-z0-9+/]*/.exec(withoutSpace(value('b').slice(0, 40)))![0].slice(0, 8),
  }
}

const longestIdentity = 1024

/** `i=`: an address whose local part may be missing, in dkim-quoted-printable (RFC 6376 §2.11). */
function readIdentity(value: string): { readonly text: string; readonly domain: string } | undefined {
  const encoded = withoutSpace(value)
  if (encoded.length > longestIdentity || /=(?![0-9A-F]{2})/.test(encoded)) return undefined
  const decoded = encoded.replace(/=(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  const text = utf8(decoded)
  const at = text?.lastIndexOf('@') ?? -1
  if (text === undefined || at < 0 || /[\0-\x1f\x7f]/.test(text)) return undefined
  const domain = domainOf(latin1Of(text.slice(at + 1)))
  return domain === undefined ? undefined : { text: `${text.slice(0, at)}@${domain}`, domain }
}

const latin1Of = (text: string): string => Buffer.from(text, 'utf8').toString('latin1')

/** Why a well-formed list of tags is no signature that can be checked, in the order of RFC 6376 §6.1.1. */
function refusalOf(tags: TagList, claims: DkimClaims): readonly [DkimReason, string] | undefined {
  const version = tags.get('v')?.value
  if (version !== undefined && version !== '1') return ['version', 'the version of the signature is not 1']
  const missing = required.find((name) => !tags.has(name))
  if (missing !== undefined) return ['missingTag', `the signature has no ${missing}=`]
  const { domain, algorithm } = claims
  if (domain === '') throw new SyntaxFault('d= is no domain', 0)
  if (claims.selector === '') throw new SyntaxFault('s= is no selector', 0)
  if (algorithm === 'rsa-sha1') {
    return ['historicAlgorithm', 'rsa-sha1 must not be used any more (RFC 8301)']
  }
  if (keyTypes.get(algorithm) === undefined) {
    return ['unknownAlgorithm', 'the algorithm of the signature is unknown']
  }
  if (canonicalizations(tags) === undefined) {
    return ['unknownCanonicalization', 'the canonicalization of the signature is unknown']
  }
  const methods = tags.get('q')?.value.toLowerCase() ?? 'dns/txt'
  if (!colonList(methods).includes('dns/txt')) {
    return ['unknownQueryMethod', 'the key is not to be found in the DNS']
  }
  const identity = tags.get('i')
  if (identity !== undefined) {
    const identityDomain = readIdentity(identity.value)?.domain
    if (identityDomain === undefined) throw new SyntaxFault('i= is no identity', 0)
    if (identityDomain !== domain && !identityDomain.endsWith(`.${domain}`)) {
      return ['identityMismatch', 'the identity is not of the signing domain']
    }
  }
  if (!colonList(tags.get('h')!.value.toLowerCase()).includes('from'))
    return ['fromNotSigned', 'the From field is not signed']
  return undefined
}

function readTags(tags: TagList, claims: DkimClaims): DkimSignature {
  const [header, body] = canonicalizations(tags)!
  const signedAt = secondsOf(tags, 't')
  const expiresAt = secondsOf(tags, 'x')
  // RFC 6376 §3.5: x= is greater than t=.
  if (signedAt !== undefined && expiresAt !== undefined && expiresAt <= signedAt) {
    throw new SyntaxFault('x= is not later than t=', 0)
  }
  return {
    kind: 'signature',
    claims,
    keyType: keyTypes.get(claims.algorithm)!,
    keyName: keyName(claims.selector, claims.domain)!,
    isIdentityExact: claims.identity.endsWith(`@${claims.domain}`),
    header,
    body,
    names: fieldNames(tags),
    bodyHash: base64Of(tags, 'bh'),
    signature: base64Of(tags, 'b'),
    signatureTag: tags.get('b')!,
    bodyLength: numberOf(tags, 'l', 76),
    signedAt,
    expiresAt,
  }
}
