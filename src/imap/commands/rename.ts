/**
 * RENAME: a mailbox with all below it gets another name. Renaming INBOX moves its messages to a new mailbox and
 * leaves INBOX, with what is below it, in place (RFC 9051 §6.3.6).
 */
import type { MailboxId, Uid } from '#base/id.ts'
import { moveMessages } from '#mail/copy.ts'
import { createMailbox, inboxId, listMailboxes, renameMailbox } from '#mail/mailbox.ts'
import { findMailbox } from '#mail/mailbox-path.ts'
import { command, whole } from '../command.ts'
import { signedIn } from '../session-state.ts'
import type { Arguments } from '../grammar.ts'
import { Refusal } from '../errors.ts'
import { delimiter, hasWildcard } from '../mailbox-name.ts'
import type { ImapSession } from '../session.ts'
import { alreadyExists, ensureParent } from './create.ts'

/** Messages in one commit. */
const pageSize = 1000

export const rename = command<{ from: Uint8Array; to: Uint8Array }>({
  name: 'RENAME',
  states: signedIn,
  standard: 'RFC 9051 §6.3.6',
  parse: whole((args: Arguments) => {
    args.sp()
    const from = args.astring()
    args.sp()
    return { from, to: args.astring() }
  }),
  async run(session, names) {
    const from = session.path(names.from)
    const written = session.path(names.to)
    const to = written.endsWith(delimiter) ? written.slice(0, -1) : written
    if (to === '' || hasWildcard(to)) throw new Refusal('No such mailbox name is possible', 'CANNOT')
    const account = session.accountId
    const limits = await session.services.limitsOf(account)
    const name = to.slice(to.lastIndexOf(delimiter) + 1)
    const created = await session.services.db.write([account], async (tx) => {
      const all = await listMailboxes(tx, account)
      const mailbox = session.find(all, from)
      if (findMailbox(all, to) !== undefined) throw alreadyExists()
      const parent = await ensureParent(tx, account, to, limits)
      if (mailbox.id === inboxId) return createMailbox(tx, account, { name, parent, limits })
      await renameMailbox(tx, account, mailbox.id, { name, parent })
      return undefined
    })
    if (created !== undefined) await moveInbox(session, created.id)
  },
})

async function moveInbox(session: ImapSession, to: MailboxId): Promise<void> {
  const { db, clock } = session.services
  const account = session.accountId
  for (;;) {
    const inbox = await session.load(inboxId)
    const uids = [...(inbox?.uids[Symbol.iterator]().take(pageSize) ?? [])] as Uid[]
    if (uids.length === 0) return
    const savedAt = clock.now()
    await db.write([account], (tx) =>
      moveMessages(tx, { account, mailbox: inboxId }, uids, { account, mailbox: to }, { savedAt }),
    )
  }
}
