/** Mailbox/queryChanges (RFC 8621 §2.4). */
import { mailboxChanges } from '#mail/mailbox-changes.ts'
import { SeenMailboxes } from '../mailbox-object.ts'
import {
  findMailboxes,
  formatMailboxQueryState,
  mailboxConditions,
  mailboxQueryFields,
  mailboxQueryState,
  mailboxSorts,
  parseMailboxQueryState,
  withBelow,
} from '../mailbox-query.ts'
import { cannotCalculate } from '../standard-changes.ts'
import { standardQueryChanges } from '../standard-query-changes.ts'

export const mailboxQueryChanges = standardQueryChanges({
  type: 'Mailbox',
  using: 'urn:ietf:params:jmap:mail',
  standard: 'RFC 8621 §2.4',
  permission: 'jmapMailboxQueryChanges',
  conditions: mailboxConditions,
  sorts: mailboxSorts,
  more: mailboxQueryFields,
  async run(call, account, asked, args) {
    const since = parseMailboxQueryState(asked.sinceQueryState)
    if (since === undefined) throw cannotCalculate()
    const { db, states } = call.services
    const { modseq, mailboxes, changes } = await db.read(async (tx) => ({
      modseq: await states.read(tx, account.id, 'Mailbox'),
      mailboxes: await SeenMailboxes.read(tx, call, account),
      changes: await mailboxChanges(tx, account.id, since.modseq),
    }))
    const state = mailboxQueryState(modseq, mailboxes, asked.filter)
    if (changes === 'tooOld' || since.asker !== state.asker) throw cannotCalculate()
    const { created, updated, destroyed } = changes
    // As for Mailbox/changes: of what may not be seen now it is not known whether it might.
    const isNewlyShared = mailboxes.all.some(
      ({ id, grantsModseq }) => grantsModseq > since.modseq && !created.has(id),
    )
    if (!account.isOwn && (isNewlyShared || destroyed.length > 0)) throw cannotCalculate()
    const found = findMailboxes(mailboxes, asked, args, (id) => call.resolve(id))
    const changed = withBelow(mailboxes.all, new Set([...created, ...updated]))
    const removed = mailboxes.seen.filter(({ id }) => changed.has(id) && !created.has(id))
    return {
      newQueryState: formatMailboxQueryState(state),
      total: found.length,
      removed: [...destroyed, ...removed.map(({ id }) => id)].map((id) => mailboxes.idOf(id)),
      added: found
        .map(({ id }, index) => ({ id, index }))
        .filter(({ id }) => changed.has(id))
        .map(({ id, index }) => ({ id: mailboxes.idOf(id), index })),
    }
  },
})
