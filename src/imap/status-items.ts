/** The items of STATUS (RFC 9051 §6.3.11), which LIST can return too; none needs more than the mailbox's row. */
import type { Mailbox } from '#mail/mailbox-row.ts'
import type { Arguments } from './grammar.ts'
import { writeName } from './mailbox-name.ts'
import type { HeldMailbox, MailboxRef } from './mailbox-ref.ts'
import { mailboxObjectId, objectIdPrefix } from './object-id.ts'
import type { ImapSession } from './session.ts'

type Item = (mailbox: Mailbox, of: HeldMailbox, session: ImapSession) => number | string

const items: ReadonlyMap<string, Item> = new Map<string, Item>([
  ['MESSAGES', (mailbox) => mailbox.messages],
  // RFC 3501 §6.3.10; nothing is ever recent here.
  ['RECENT', () => 0],
  ['UIDNEXT', (mailbox) => mailbox.uidNext],
  ['UIDVALIDITY', (mailbox) => mailbox.uidValidity],
  ['UNSEEN', (mailbox) => mailbox.unseen],
  ['DELETED', (mailbox) => mailbox.deleted],
  ['SIZE', (mailbox) => mailbox.sizeBytes],
  ['HIGHESTMODSEQ', (mailbox) => mailbox.highestModseq],
  // RFC 8474 §4.3
  ['MAILBOXID', (mailbox, of) => `(${mailboxObjectId(mailbox.id, objectIdPrefix(of))})`],
  // RFC 7889 §3: of all mailboxes the same.
  ['APPENDLIMIT', (_mailbox, _of, session) => session.settings.maxRequestSize],
])

/** `(MESSAGES UNSEEN)`: at least one, each once. */
export function readStatusItems(args: Arguments): readonly string[] {
  args.open()
  const names = new Set<string>()
  do {
    const name = args.word()
    if (!items.has(name)) args.fail('unknown status item')
    names.add(name)
  } while (args.take(0x20))
  args.close()
  return [...names]
}

export function writeStatus(session: ImapSession, ref: MailboxRef, names: readonly string[]): void {
  const { out, isRev2 } = session
  out.ascii('* STATUS ')
  writeName(out, ref.path, isRev2)
  out.ascii(' (')
  for (const [i, name] of names.entries()) {
    if (i > 0) out.sp()
    const value = items.get(name)!(ref.mailbox, ref, session)
    out.ascii(name).sp()
    if (typeof value === 'number') out.uint(value)
    else out.ascii(value)
  }
  out.ascii(')\r\n')
}
