/** Mailbox/set (RFC 8621 §2.5): what is done with the objects is in `mailbox-edit.ts`. */
import type { AccountId } from '#base/id.ts'
import { expungeMessages } from '#mail/expunge.ts'
import type { Mailbox } from '#mail/mailbox-row.ts'
import type { OpenAccount } from '../accounts.ts'
import { MailboxEdit, mayEmpty, type Prepared } from '../mailbox-edit.ts'
import { SeenMailboxes } from '../mailbox-object.ts'
import { prepareSharing } from '../share-mailbox.ts'
import type { Call } from '../method.ts'
import { type SetRequest, standardSet } from '../standard-set.ts'
import { boolean } from '../value.ts'

/** Messages in one commit; a mailbox with more is emptied before it is destroyed. */
const pageSize = 1000

export const mailboxSet = standardSet({
  type: 'Mailbox',
  using: 'urn:ietf:params:jmap:mail',
  standard: 'RFC 8621 §2.5',
  permission: 'jmapMailboxSet',
  more: { onDestroyRemoveEmails: boolean },
  isLinked: true,
  async prepare(call, account, request, { onDestroyRemoveEmails = false, ...args }): Promise<Prepared> {
    const { ifInState } = args as { readonly ifInState?: string | null }
    const { services } = call
    // What is emptied is another state.
    if (onDestroyRemoveEmails && (ifInState ?? null) === null) await emptyLarge(call, account, request)
    const owner = account.isOwn ? undefined : await services.principals.byId(account.id)
    return {
      limits: await services.limitsOf(account.id),
      ...(await prepareSharing(call, account, request)),
      pathPrefix: owner === undefined ? '' : services.pathPrefixOf(owner),
    }
  },
  // Subscriptions are the user's own, and notifications are theirs whom they concern.
  alsoWrites: (_call, account, { notice }): readonly AccountId[] => [
    ...(account.isOwn ? [] : [account.who.account]),
    ...notice.told.map((who) => who.account),
  ],
  begin: ({ args, ...context }) => new MailboxEdit(context, args.onDestroyRemoveEmails ?? false),
})

/** Those of many messages that can be destroyed are emptied page by page, so that nobody waits for long. */
async function emptyLarge(call: Call, account: OpenAccount, { destroy }: SetRequest): Promise<void> {
  const { db } = call.services
  const mailboxes = await db.read((tx) => SeenMailboxes.read(tx, call, account))
  const asked = destroy.map((id) => mailboxes.find(id)).filter((mailbox) => mailbox !== undefined)
  const leaving = new Set(asked.map(({ id }) => id))
  const staysAbove = (mailbox: Mailbox): boolean =>
    mailboxes.all.some(({ id, parent }) => parent === mailbox.id && !leaving.has(id))
  for (const mailbox of asked) {
    if (mailbox.messages <= pageSize || !mayEmpty(mailboxes, mailbox) || staysAbove(mailbox)) continue
    const { id } = mailbox
    for (let isOver = false; !isOver;) {
      call.signal.throwIfAborted()
      isOver = await db.write([account.id], async (tx) => {
        const now = await SeenMailboxes.read(tx, call, account)
        const found = now.all.find((one) => one.id === id)
        if (found === undefined || !mayEmpty(now, found)) return true
        const o = { onlyDeleted: false, limit: pageSize }
        return (await expungeMessages(tx, account.id, id, 'all', o)).length < pageSize
      })
    }
  }
}
