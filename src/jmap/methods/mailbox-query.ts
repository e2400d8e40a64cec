/** Mailbox/query (RFC 8621 §2.3). */
import { SeenMailboxes } from '../mailbox-object.ts'
import {
  findMailboxes,
  formatMailboxQueryState,
  mailboxConditions,
  mailboxQueryFields,
  mailboxQueryState,
  mailboxSorts,
} from '../mailbox-query.ts'
import { standardQuery } from '../standard-query.ts'

export const mailboxQuery = standardQuery({
  type: 'Mailbox',
  using: 'urn:ietf:params:jmap:mail',
  standard: 'RFC 8621 §2.3',
  permission: 'jmapMailboxQuery',
  conditions: mailboxConditions,
  sorts: mailboxSorts,
  more: mailboxQueryFields,
  async run(call, account, asked, args) {
    const { db, states } = call.services
    const { modseq, mailboxes } = await db.read(async (tx) => ({
      modseq: await states.read(tx, account.id, 'Mailbox'),
      mailboxes: await SeenMailboxes.read(tx, call, account),
    }))
    const found = findMailboxes(mailboxes, asked, args, (id) => call.resolve(id))
    const ids = found.map(({ id }) => mailboxes.idOf(id))
    return {
      queryState: formatMailboxQueryState(mailboxQueryState(modseq, mailboxes, asked.filter)),
      canCalculateChanges: true,
      total: ids.length,
      slice: (from, to) => ids.slice(from, to),
      indexOf: (id) => ids.indexOf(id),
    }
  },
})
