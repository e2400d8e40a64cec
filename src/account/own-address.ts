/**
 * What accounts and lists may be called and reached by: an exact address, a domain's catch-all, or a pattern.
 * Each has one spelling in which it is stored and shown, and one key in one table.
 */
import { readCatchAll, readOwnAddress } from './address.ts'
import { readAliasPattern } from './alias-pattern.ts'

export interface OwnedAddress {
  readonly spelling: string
  readonly domain: string
  /** The key's second half: a folded local part, nothing for a catch-all, or a pattern. */
  readonly local: string
  readonly kind: 'exact' | 'catchAll' | 'pattern'
}

/** Undefined where the text is none of them. */
export function readOwned(text: string): OwnedAddress | undefined {
  const given = text.trim()
  const exact = readOwnAddress(given)
  // A star is an atext character too (RFC 5322 §3.2.3), and here always a wildcard.
  if (exact !== undefined && !exact.local.includes('*') && !exact.local.startsWith('/'))
    return { ...exact, kind: 'exact' }
  const catchAll = readCatchAll(given)
  if (catchAll !== undefined) return { ...catchAll, kind: 'catchAll' }
  const pattern = readAliasPattern(given)
  return pattern === undefined ? undefined : { ...pattern, kind: 'pattern' }
}

/** A text as the stored one, for fields of settings; undefined where it cannot be an owned address. */
export const normaliseOwned = (text: string): string | undefined => readOwned(text)?.spelling

/** Only an exact address. */
export function normaliseExact(text: string): string | undefined {
  const owned = readOwned(text)
  return owned?.kind === 'exact' ? owned.spelling : undefined
}
