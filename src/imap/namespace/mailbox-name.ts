/**
 * Names of mailboxes on the wire (RFC 9051 §5.1): paths joined with `/`, as UTF-8 after ENABLE IMAP4rev2 and as
 * modified UTF-7 before. Inside, a path is text in Normalization Form C (RFC 5198), so that clients which
 * decompose letters reach the same mailbox, and its first name INBOX is in upper case.
 */
import { normalized } from '#base/normalize.ts'
import { isAscii } from 'node:buffer'
import { utf8Of } from '../wire/grammar.ts'
import type { ResponseWriter } from '../wire/writer.ts'
import { decodeUtf7, encodeUtf7 } from './utf7.ts'

export const delimiter = '/'
export const inboxName = 'INBOX'

/**
 * The path that a client wrote; undefined where it is no text. UTF-8 is understood from every client (RFC 9755 §3);
 * what is ASCII is modified UTF-7 from those that have not enabled it.
 */
export function decodeName(bytes: Uint8Array, isUtf8: boolean): string | undefined {
  const text = isUtf8 || !isAscii(bytes) ? utf8Of(bytes) : decodeUtf7(bytes)
  return text === undefined ? undefined : canonicalName(normalized(text, 'NFC'))
}

/** INBOX is the same in any case, also as the beginning of a path. */
export function canonicalName(path: string): string {
  const head = path.slice(0, inboxName.length)
  const isWhole = path.length === inboxName.length || path[inboxName.length] === delimiter
  return isWhole && head.toUpperCase() === inboxName ? inboxName + path.slice(inboxName.length) : path
}

/** As a client reads it: quoted but for INBOX itself. */
export function writeName(out: ResponseWriter, path: string, isUtf8: boolean): void {
  if (path === inboxName) out.ascii(inboxName)
  else out.string(isUtf8 ? Buffer.from(path) : Buffer.from(encodeUtf7(path), 'latin1'), isUtf8)
}

/** The path above this one, undefined at the top. */
export function parentPath(path: string): string | undefined {
  const at = path.lastIndexOf(delimiter)
  return at === -1 ? undefined : path.slice(0, at)
}

/** Names with wildcards could be made but not be listed on their own (RFC 9051 §5.1). */
export const hasWildcard = (path: string): boolean => path.includes('*') || path.includes('%')

/** RFC 9051 §6.3.4: a delimiter at the end announces children, which need no announcement here. */
export const withoutAnnouncement = (name: Uint8Array): Uint8Array =>
  name.at(-1) === delimiter.charCodeAt(0) ? name.subarray(0, -1) : name
