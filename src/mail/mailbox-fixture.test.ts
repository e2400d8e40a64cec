/** A mailbox for tests that need one as it is read, with no store behind it. */
import type { MailboxId, Modseq, Uid } from '#base/id.ts'
import { noCounts } from './mailbox-counts.ts'
import type { Mailbox } from './mailbox-row.ts'

export const emptyInbox: Mailbox = {
  id: 1 as MailboxId,
  name: 'Inbox',
  parent: 0,
  role: 'inbox',
  subscribed: true,
  uidValidity: 1,
  uidNext: 1 as Uid,
  highestModseq: 1 as Modseq,
  grants: [],
  grantsModseq: 0 as Modseq,
  sortOrder: 0,
  counts: noCounts,
  messages: 0,
  unseen: 0,
  deleted: 0,
  sizeBytes: 0,
}
