/** One LIST or LSUB response (RFC 9051 §7.3.1). */
import type { MailboxRole } from '#mail/mailbox-row.ts'
import { utf8Of } from '../wire/grammar.ts'
import type { HeldMailbox, MailboxRef } from '../namespace/mailbox-ref.ts'
import { delimiter, writeName } from '../namespace/mailbox-name.ts'
import type { ImapSession } from '../session/session.ts'
import { useAttribute } from './special-use.ts'

export interface Listed {
  readonly path: string
  readonly attributes: readonly string[]
  /** Behind the name, in its parentheses. */
  readonly extended?: string
  /** What it was called before (RFC 5465 §5.4), or by the client (RFC 9051 §6.3.9.7). */
  readonly oldName?: string | undefined
}

export function writeListed({ out, isUtf8 }: ImapSession, word: 'LIST' | 'LSUB', listed: Listed): void {
  out.ascii(`* ${word} (${listed.attributes.join(' ')}) "${delimiter}" `)
  writeName(out, listed.path, isUtf8)
  if (listed.extended !== undefined) out.ascii(` (${listed.extended})`)
  if (listed.oldName !== undefined) {
    out.ascii(' ("OLDNAME" (')
    writeName(out, listed.oldName, isUtf8)
    out.ascii('))')
  }
  out.crlf()
}

/**
 * What is always said of a mailbox that exists: whether it has children (RFC 3348), and its use (RFC 6154), but
 * of the own ones only: programs would take somebody else's Sent for the user's.
 */
export const attributesOf = ({ mailbox, isOwn }: HeldMailbox, hasChildren: boolean): string[] =>
  attributesWith(hasChildren, isOwn ? mailbox.role : undefined)

/** Of one that was just made. */
export const attributesOfNew = (role: MailboxRole | undefined): string[] => attributesWith(false, role)

function attributesWith(hasChildren: boolean, role: MailboxRole | undefined): string[] {
  const attributes = [hasChildren ? '\\HasChildren' : '\\HasNoChildren']
  const use = useAttribute(role)
  if (use !== undefined) attributes.push(use)
  return attributes
}

/**
 * The name that a client of IMAP4rev2 wrote, where the mailbox's is another: names are kept in Unicode's form C, and
 * INBOX in upper case (RFC 9051 §6.3.9.7).
 */
export function otherName({ isRev2 }: ImapSession, written: Uint8Array, path: string): string | undefined {
  const name = isRev2 ? utf8Of(written) : undefined
  return name === path ? undefined : name
}

/** A mailbox that exists. */
export const listedAs = async (session: ImapSession, ref: MailboxRef, oldName?: string): Promise<Listed> => ({
  path: ref.path,
  attributes: attributesOf(ref, await session.mailboxes.hasChildren(ref)),
  oldName,
})
