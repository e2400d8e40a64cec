/** One LIST or LSUB response (RFC 9051 §7.3.1). */
import type { HeldMailbox } from './mailbox-ref.ts'
import { delimiter, writeName } from './mailbox-name.ts'
import type { ImapSession } from './session.ts'
import { useAttribute } from './special-use.ts'

export interface Listed {
  readonly path: string
  readonly attributes: readonly string[]
  /** Behind the name, in its parentheses. */
  readonly extended?: string
  /** What it was called before (RFC 5465 §5.4). */
  readonly oldName?: string
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
export function attributesOf({ mailbox, isOwn }: HeldMailbox, hasChildren: boolean): string[] {
  const attributes = [hasChildren ? '\\HasChildren' : '\\HasNoChildren']
  const use = isOwn ? useAttribute(mailbox.role) : undefined
  if (use !== undefined) attributes.push(use)
  return attributes
}
