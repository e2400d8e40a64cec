/** Mailbox/get (RFC 8621 §2.1). */
import type { MailboxId } from '#base/id.ts'
import { stateOf } from '#kv/change-log.ts'
import { listMailboxes } from '#mail/mailbox.ts'
import type { Mailbox } from '#mail/mailbox-row.ts'
import { mailboxObjectId, objectNumber } from '#mail/object-id.ts'
import { mailboxRights } from '#mail/rights.ts'
import type { OpenAccount } from '../accounts.ts'
import { standardGet } from '../standard-get.ts'
import type { Json, JsonObject } from '../value.ts'

export const mailboxGet = standardGet({
  type: 'Mailbox',
  using: 'urn:ietf:params:jmap:mail',
  standard: 'RFC 8621 §2.1',
  permission: 'jmapMailboxGet',
  properties: [
    'id',
    'name',
    'parentId',
    'role',
    'sortOrder',
    'totalEmails',
    'unreadEmails',
    'totalThreads',
    'unreadThreads',
    'myRights',
    'isSubscribed',
  ],
  async read({ services }, account, { ids, properties }) {
    const { state, mailboxes } = await services.db.read(async (tx) => ({
      state: await services.states.read(tx, account.id, 'Mailbox'),
      mailboxes: await listMailboxes(tx, account.id),
    }))
    const seen = mailboxes.filter((mailbox) => account.maySee(mailbox))
    const wanted =
      ids === null ? undefined : new Set(ids.map((text) => objectNumber('F', text, account.idPrefix)))
    const list = seen
      .filter(({ id }) => wanted === undefined || wanted.has(id))
      .map((mailbox) => mailboxObject(account, mailbox, seen, properties))
    return { state: stateOf(state), list }
  },
})

function mailboxObject(
  account: OpenAccount,
  mailbox: Mailbox,
  seen: readonly Mailbox[],
  properties: ReadonlySet<string>,
): JsonObject {
  const object: Record<string, Json> = {}
  const idOf = (id: MailboxId): string => mailboxObjectId(id, account.idPrefix)
  const all: JsonObject = {
    id: idOf(mailbox.id),
    name: mailbox.name,
    parentId: parentOf(mailbox, seen, idOf),
    role: mailbox.role ?? null,
    sortOrder: 0,
    totalEmails: mailbox.messages - mailbox.deleted,
    unreadEmails: mailbox.unseen,
    totalThreads: mailbox.messages - mailbox.deleted,
    unreadThreads: mailbox.unseen,
    myRights: { ...mailboxRights(account.rightsOn(mailbox)) },
    isSubscribed: mailbox.subscribed,
  }
  for (const name of properties) object[name] = all[name]!
  return object
}

/** What one may not see is nobody's parent. */
const parentOf = (
  { parent }: Mailbox,
  seen: readonly Mailbox[],
  idOf: (id: MailboxId) => string,
): string | null => (parent !== 0 && seen.some(({ id }) => id === parent) ? idOf(parent) : null)
