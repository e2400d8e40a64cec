/**
 * Addresses of our own users: what an account may be called, and what a recipient is looked up by.
 *
 * The keys are those of `#base/domain-name.ts`: a normalised domain and a folded local part, so that case,
 * quotes, Unicode forms and A-labels do not matter (RFC 5321 §2.4 leaves the local part to us).
 */
import { foldLocalPart, isFullHostName, normaliseDomain, splitAddress } from '#base/domain-name.ts'

interface AddressKey {
  readonly domain: string
  /** Folded; empty for a catch-all. */
  readonly local: string
}

export interface OwnAddress extends AddressKey {
  /** As it is stored, shown and sent. */
  readonly spelling: string
}

/** RFC 5321 §4.5.3.1.1 */
const longestLocalPart = 64

/** RFC 5321 §4.1.2 Dot-string, with RFC 6531 §3.3's UTF-8. */
function isDotString(localPart: string): boolean {
  if (localPart.startsWith('.') || localPart.endsWith('.') || localPart.includes('..')) return false
  for (const c of localPart) if (c <= '\u007f' && !/[a-z0-9!#$%&'*+\-/=?^_`{|}~.]/.test(c)) return false
  return localPart !== ''
}

/** The stored spelling of a domain of ours, undefined where it is none. */
export function readOwnDomain(text: string): string | undefined {
  const domain = normaliseDomain(text.trim())
  return domain === undefined || !isFullHostName(domain) ? undefined : domain
}

/** An address that an account may have. Undefined where it is none, or would need quotes. */
export function readOwnAddress(text: string): OwnAddress | undefined {
  const split = splitAddress(text)
  if (split === undefined || !isFullHostName(split.domain) || split.localPart.startsWith('"'))
    return undefined
  const local = foldLocalPart(split.localPart)
  if (!isDotString(local) || Buffer.byteLength(local) > longestLocalPart) return undefined
  return { spelling: `${local}@${split.domain}`, domain: split.domain, local }
}

/** `@example.org`: all recipients of the domain that nobody else has. */
export function readCatchAll(text: string): OwnAddress | undefined {
  if (!text.startsWith('@')) return undefined
  const domain = readOwnDomain(text.slice(1))
  return domain === undefined ? undefined : { spelling: `@${domain}`, domain, local: '' }
}

export interface RecipientKeys {
  /** As given, with the domain normalised. */
  readonly address: string
  readonly domain: string
  /** Local parts to look up, best first: the whole one, and the one before the first `+`. */
  readonly locals: readonly string[]
  /** What stands behind the first `+` (RFC 5233 §4), as given. */
  readonly detail: string | undefined
}

/** How a recipient is looked up. Undefined where it is no address. */
export function recipientKeys(recipient: string): RecipientKeys | undefined {
  const split = splitAddress(recipient)
  if (split === undefined) return undefined
  const { localPart, domain } = split
  const address = `${localPart}@${domain}`
  const folded = foldLocalPart(localPart)
  const plus = folded.indexOf('+')
  if (plus < 1) return { address, domain, locals: folded === '' ? [] : [folded], detail: undefined }
  // A quoted local part shows its detail folded: unquoting it a second way is not worth it.
  const given = localPart.startsWith('"') ? folded : localPart
  const detail = given.slice(given.indexOf('+') + 1)
  return { address, domain, locals: [folded, folded.slice(0, plus)], detail }
}
