/** Mailbox/get (RFC 8621 §2.1). */
import { mailboxExtensions, mailboxProperties, SeenMailboxes } from '../mailbox-object.ts'
import { standardGet } from '../standard-get.ts'

export const mailboxGet = standardGet({
  type: 'Mailbox',
  using: 'urn:ietf:params:jmap:mail',
  standard: 'RFC 8621 §2.1',
  permission: 'jmapMailboxGet',
  properties: mailboxProperties,
  extensions: mailboxExtensions,
  async read(call, account, { ids, properties }) {
    const { db, states } = call.services
    const { state, mailboxes } = await db.read(async (tx) => ({
      state: await states.read(tx, account.id, 'Mailbox'),
      mailboxes: await SeenMailboxes.read(tx, call, account),
    }))
    const wanted =
      ids === null
        ? mailboxes.seen
        : ids.map((id) => mailboxes.find(id)).filter((mailbox) => mailbox !== undefined)
    return {
      state: account.stateOf(state),
      list: wanted.map((mailbox) => mailboxes.part(mailbox, properties)),
    }
  },
})
