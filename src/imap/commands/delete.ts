/** DELETE: a mailbox with its messages goes. One that has mailboxes below it stays (RFC 9051 §6.3.5). */
import type { AccountId, MailboxId } from '#base/id.ts'
import type { ReadTx } from '#kv/tx.ts'
import { expungeMessages } from '#mail/expunge.ts'
import { deleteMailbox, inboxId, listMailboxes } from '#mail/mailbox.ts'
import { noticeFor } from '../mailbox/acl-identifier.ts'
import { command, whole } from '../session/command.ts'
import { signedIn } from '../session/session-state.ts'
import type { Arguments } from '../wire/grammar.ts'
import { Refusal } from '../errors.ts'
import { otherName, writeListed } from '../mailbox/list-response.ts'
import { type MailboxRef, placeOf } from '../namespace/mailbox-ref.ts'
import type { ImapSession } from '../session/session.ts'

/** Messages in one commit; a mailbox with more is emptied first. */
const pageSize = 1000

export const deleteCommand = command<Uint8Array>({
  name: 'DELETE',
  states: signedIn,
  standard: 'RFC 9051 §6.3.5',
  parse: whole((args: Arguments) => {
    args.sp()
    return args.astring()
  }),
  async run(session, name) {
    const ref = await session.open(name, 'x')
    const { account, mailbox } = placeOf(ref)
    if (mailbox === inboxId) throw new Refusal('INBOX cannot be deleted', 'CANNOT')
    if (ref.mailbox.messages > pageSize) {
      await session.mailboxes.write([ref], (tx) => assertChildless(tx, account, mailbox))
      await empty(session, ref)
    }
    const notice = await noticeFor(
      session,
      ref.mailbox.grants.map(({ grantee }) => grantee),
    )
    await session.mailboxes.write(
      [ref],
      async (tx) => {
        await assertChildless(tx, account, mailbox)
        await deleteMailbox(tx, account, mailbox, { notice })
      },
      { alsoWrites: notice.told.map((who) => who.account) },
    )
    const oldName = otherName(session, name, ref.path)
    if (oldName !== undefined)
      writeListed(session, 'LIST', { path: ref.path, attributes: ['\\NonExistent'], oldName })
    if (session.selected?.account !== account || session.selected.mailbox !== mailbox) return
    session.selected = undefined
    session.untagged('OK [CLOSED] The selected mailbox is gone')
  },
})

async function assertChildless(tx: ReadTx, account: AccountId, mailbox: MailboxId): Promise<void> {
  if ((await listMailboxes(tx, account)).some(({ parent }) => parent === mailbox))
    throw new Refusal('There are mailboxes below it', 'HASCHILDREN')
}

async function empty({ mailboxes }: ImapSession, ref: MailboxRef): Promise<void> {
  const { account, mailbox } = placeOf(ref)
  for (;;) {
    const gone = await mailboxes.write([ref], (tx) =>
      expungeMessages(tx, account, mailbox, 'all', { onlyDeleted: false, limit: pageSize }),
    )
    if (gone.length < pageSize) return
  }
}
