/** DELETE: a mailbox with its messages goes. One that has mailboxes below it stays (RFC 9051 §6.3.5). */
import type { AccountId, MailboxId } from '#base/id.ts'
import { expungeMessages } from '#mail/expunge.ts'
import { deleteMailbox, inboxId, listMailboxes } from '#mail/mailbox.ts'
import { command, whole } from '../command.ts'
import { signedIn } from '../session-state.ts'
import type { Arguments } from '../grammar.ts'
import { Refusal } from '../errors.ts'
import type { ImapSession } from '../session.ts'

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
    const path = session.path(name)
    const account = session.accountId
    const { mailboxes } = await session.mail()
    const mailbox = session.find(mailboxes, path)
    if (mailbox.id === inboxId) throw new Refusal('INBOX cannot be deleted', 'CANNOT')
    if (mailboxes.some(({ parent }) => parent === mailbox.id)) throw hasChildren()
    if (mailbox.messages > pageSize) await empty(session, account, mailbox.id)
    await session.services.db.write([account], async (tx) => {
      if ((await listMailboxes(tx, account)).some(({ parent }) => parent === mailbox.id)) throw hasChildren()
      await deleteMailbox(tx, account, mailbox.id)
    })
    if (session.selected?.mailbox !== mailbox.id) return
    session.selected = undefined
    session.untagged('OK [CLOSED] The selected mailbox is gone')
  },
})

const hasChildren = (): Refusal => new Refusal('There are mailboxes below it', 'HASCHILDREN')

async function empty({ services }: ImapSession, account: AccountId, mailbox: MailboxId): Promise<void> {
  for (;;) {
    const gone = await services.db.write([account], (tx) =>
      expungeMessages(tx, account, mailbox, 'all', { onlyDeleted: false, limit: pageSize }),
    )
    if (gone.length < pageSize) return
  }
}
