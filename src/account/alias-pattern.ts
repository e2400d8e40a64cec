/**
 * Aliases that stand for many addresses of one domain: with wildcards, `sales-*@example.org`, or as a regular
 * expression between slashes, `/inv-\d+/@example.org`. Both describe the whole folded local part. An exact
 * address always comes first, and of several patterns the one that is first in the order of their text.
 */
import { normalized } from '#base/normalize.ts'
import { compileRegex, compileWildcard, type Pattern } from '#base/pattern.ts'
import { readOwnDomain } from './address.ts'

export interface AliasPattern {
  /** As it is stored and shown. */
  readonly spelling: string
  readonly domain: string
  /** What describes the local part: its key in the table. */
  readonly local: string
}

/** Whether the text, in its stored spelling, is a pattern and not an address. */
export const isPattern = (address: string): boolean => address.startsWith('/') || address.includes('*')

/** Undefined where it is no pattern or one that cannot be used. */
export function readAliasPattern(text: string): AliasPattern | undefined {
  const at = text.lastIndexOf('@')
  const local = text.slice(0, at)
  const domain = readOwnDomain(text.slice(at + 1))
  if (at < 1 || domain === undefined || compileLocal(local) === undefined) return undefined
  return { spelling: `${local}@${domain}`, domain, local }
}

/** Of the local part of a pattern; undefined where it is none. */
export function compileLocal(local: string): Pattern | undefined {
  if (local.length > 300 || local.includes('\0') || !local.isWellFormed()) return undefined
  if (local.startsWith('/')) {
    return local.length > 2 && local.endsWith('/') ? compileRegex(local.slice(1, -1)) : undefined
  }
  // A lone star would be a catch-all, which is written without anything before the `@`.
  return local.includes('*') && /^[^\s@"(),:;<>[\\\]]+$/.test(local) && local !== '*'
    ? compileWildcard(normalized(local, 'NFC'))
    : undefined
}
