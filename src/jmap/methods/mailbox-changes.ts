/**
 * Mailbox/changes (RFC 8621 §2.2). Who may not see all mailboxes is told of those that they see, or saw, whether the
 * mailboxes changed or the rights on them.
 */
import type { MailboxId } from '#base/id.ts'
import type { ChangesSince } from '#kv/change-log.ts'
import type { ReadTx } from '#kv/tx.ts'
import { accountPast } from '#mail/account-past.ts'
import { listMailboxes } from '#mail/mailbox.ts'
import { mailboxObjectId } from '#mail/object-id.ts'
import { cannotCalculate, standardChanges, type Step } from '../standard-changes.ts'

/** What changes alone where `countsOnly` says so. */
const counts = ['totalEmails', 'unreadEmails', 'totalThreads', 'unreadThreads'] as const

export const mailboxChanges = standardChanges({
  type: 'Mailbox',
  using: 'urn:ietf:params:jmap:mail',
  standard: 'RFC 8621 §2.2',
  permission: 'jmapMailboxChanges',
  idOf: (account, number) => mailboxObjectId(number as MailboxId, account.idPrefix),
  visible: ({ services }, found, step) => services.db.read((tx) => visibleChanges(tx, found, step)),
  more: ({ countsOnly }) => ({ updatedProperties: countsOnly ? counts : null }),
})

async function visibleChanges(
  tx: ReadTx,
  found: ChangesSince,
  { since, before, now: account }: Step,
): Promise<ChangesSince> {
  const all = await listMailboxes(tx, account.id)
  const past = await accountPast(tx, account.id, all, since, () => false)
  if (past === 'tooOld') throw cannotCalculate()
  const seen = past.map((one) => ({
    ...one,
    saw: one.wasThere && before.maySee(one),
    sees: one.now !== undefined && account.maySee(one.now),
  }))
  const logged = new Set([...found.created, ...found.updated, ...found.destroyed])
  const isAnother = before !== account
  const turned = new Set<number>(
    seen
      .filter(({ saw, sees }) => saw !== sees)
      .filter(({ rightsChanged }) => isAnother || rightsChanged.some((n) => n <= found.to))
      .map(({ id }) => id),
  )
  // RFC 8621 §2, unreadThreads: what is in mailboxes that may not be read is not counted.
  const readAll = past.every((one) => !one.wasThere || before.mayRead(one))
  const countsOthers = readAll !== all.every((mailbox) => account.mayRead(mailbox))
  const told = { created: [] as number[], updated: [] as number[], destroyed: [] as number[] }
  for (const { id, now, saw, sees, grants } of seen) {
    const hasOtherRights =
      isAnother && now !== undefined && before.rightsOn({ grants }) !== account.rightsOn(now)
    // What one may not see is nobody's parent.
    const isOther = logged.has(id) || hasOtherRights || countsOthers || turned.has(now?.parent ?? 0)
    if (!isOther) continue
    if (sees) told[saw ? 'updated' : 'created'].push(id)
    else if (saw) told.destroyed.push(id)
  }
  return { ...found, ...told, countsOnly: found.countsOnly && !isAnother }
}
