/** The items of STATUS (RFC 9051 §6.3.11), which LIST can return too; all but one need only the mailbox's row. */
import type { Maybe } from '#base/maybe.ts'
import type { Mailbox } from '#mail/mailbox-row.ts'
import type { Arguments } from '../wire/grammar.ts'
import { writeName } from '../namespace/mailbox-name.ts'
import type { HeldMailbox, MailboxRef } from '../namespace/mailbox-ref.ts'
import { mailboxObjectId, objectIdPrefix } from '#mail/object-id.ts'
import type { ImapSession } from '../session/session.ts'

type Item = (mailbox: Mailbox, of: HeldMailbox, session: ImapSession) => Maybe<number | string>

const items: ReadonlyMap<string, Item> = new Map<string, Item>([
  ['MESSAGES', (mailbox) => mailbox.messages],
  // RFC 3501 §6.3.10; nothing is ever recent here.
  ['RECENT', () => 0],
  ['UIDNEXT', (mailbox) => mailbox.uidNext],
  ['UIDVALIDITY', (mailbox) => mailbox.uidValidity],
  ['UNSEEN', (mailbox) => mailbox.unseen],
  ['DELETED', (mailbox) => mailbox.deleted],
  // RFC 9208 §4.1.4
  ['DELETED-STORAGE', (mailbox, of, session) => (mailbox.deleted === 0 ? 0 : deletedBytes(session, of))],
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

/** The sizes of all messages with \Deleted. */
async function deletedBytes({ mailboxes }: ImapSession, { account, mailbox }: HeldMailbox): Promise<number> {
  const now = await mailboxes.load(account, mailbox.id)
  let bytes = 0
  for (let i = 0; i < (now?.count ?? 0); i++) if (now!.flagsAt(i).deleted) bytes += now!.sizes.at(i)
  return bytes
}

export async function writeStatus(
  session: ImapSession,
  ref: MailboxRef,
  names: readonly string[],
): Promise<void> {
  const values: (number | string)[] = []
  for (const name of names) values.push(await items.get(name)!(ref.mailbox, ref, session))
  const { out, isUtf8 } = session
  out.ascii('* STATUS ')
  writeName(out, ref.path, isUtf8)
  out.ascii(` (${names.map((name, i) => `${name} ${values[i]!}`).join(' ')})\r\n`)
}
