/** Mailbox/queryChanges (RFC 8621 §2.4). */
import type { MailboxId } from '#base/id.ts'
import type { ReadTx } from '#kv/tx.ts'
import { accountPast } from '#mail/account-past.ts'
import { mailboxChanges } from '#mail/mailbox-changes.ts'
import { accountAs } from '../accounts.ts'
import { SeenMailboxes } from '../mailbox-object.ts'
import {
  findMailboxes,
  formatMailboxQueryState,
  mailboxConditions,
  mailboxQueryFields,
  mailboxQueryState,
  mailboxSorts,
  type MailboxQueryState,
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
    const { modseq, mailboxes, changes, seen } = await db.read(async (tx) => {
      const all = await SeenMailboxes.read(tx, call, account)
      return {
        modseq: await states.read(tx, account.id, 'Mailbox'),
        mailboxes: all,
        changes: await mailboxChanges(tx, account.id, since.modseq),
        seen: await seenBefore(tx, all, since),
      }
    })
    if (changes === 'tooOld') throw cannotCalculate()
    const state = mailboxQueryState(modseq, mailboxes, asked.filter)
    const found = findMailboxes(mailboxes, asked, args, (id) => call.resolve(id))
    const { created, updated, destroyed } = changes
    const turned = mailboxes.all.filter((mailbox) => account.maySee(mailbox) !== seen.has(mailbox.id))
    const changed =
      since.subscribed === state.subscribed
        ? withBelow(mailboxes.all, new Set([...created, ...updated, ...turned.map(({ id }) => id)]))
        : new Set(mailboxes.all.map(({ id }) => id))
    const removed = [...destroyed, ...changed].filter((id) => seen.has(id))
    return {
      newQueryState: formatMailboxQueryState(state),
      total: found.length,
      removed: removed.map((id) => mailboxes.idOf(id)),
      added: found
        .map(({ id }, index) => ({ id, index }))
        .filter(({ id }) => changed.has(id))
        .map(({ id, index }) => ({ id: mailboxes.idOf(id), index })),
    }
  },
})

/** The mailboxes that could be seen at a state. Throws MethodError `cannotCalculateChanges`. */
async function seenBefore(
  tx: ReadTx,
  { account, all }: SeenMailboxes,
  { modseq, asker }: MailboxQueryState,
): Promise<ReadonlySet<MailboxId>> {
  if (account.isOwn !== (asker === undefined)) throw cannotCalculate()
  const before = asker === undefined ? account : await accountAs(tx, account, asker)
  const past = await accountPast(tx, account.id, all, modseq, () => false)
  if (before === undefined || past === 'tooOld') throw cannotCalculate()
  return new Set(past.filter((one) => one.wasThere && before.maySee(one)).map(({ id }) => id))
}
