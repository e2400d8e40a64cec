/** Mailbox/changes (RFC 8621 §2.2). */
import type { MailboxId } from '#base/id.ts'
import { listMailboxes } from '#mail/mailbox.ts'
import { mailboxObjectId } from '#mail/object-id.ts'
import { cannotCalculate, standardChanges } from '../standard-changes.ts'

/** What changes alone where `countsOnly` says so. */
const counts = ['totalEmails', 'unreadEmails', 'totalThreads', 'unreadThreads'] as const

export const mailboxChanges = standardChanges({
  type: 'Mailbox',
  using: 'urn:ietf:params:jmap:mail',
  standard: 'RFC 8621 §2.2',
  permission: 'jmapMailboxChanges',
  idOf: (account, number) => mailboxObjectId(number as MailboxId, account.idPrefix),
  /**
   * Who may see a mailbox now could see it before, unless rights changed; of one that is gone nobody knows any more
   * who could.
   */
  async visible({ services }, account, found, since) {
    const all = await services.db.read((tx) => listMailboxes(tx, account.id))
    const created = new Set(found.created)
    const isNewlyShared = all.some(({ id, grantsModseq }) => grantsModseq > since && !created.has(id))
    if (isNewlyShared || found.destroyed.length > 0) throw cannotCalculate()
    const seen = new Set<number>(all.filter((mailbox) => account.maySee(mailbox)).map(({ id }) => id))
    const isSeen = (id: number): boolean => seen.has(id)
    return { ...found, created: found.created.filter(isSeen), updated: found.updated.filter(isSeen) }
  },
  more: ({ countsOnly }) => ({ updatedProperties: countsOnly ? counts : null }),
})
