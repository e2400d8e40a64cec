/**
 * Email/changes (RFC 8621 §4.3). The change log tells of Emails as their owner sees them, but for those that were
 * `\Deleted` when they came (§4.1.1); of a shared account the user is told of what is, or was, in the mailboxes that
 * they may read.
 */
import type { MessageId } from '#base/id.ts'
import { readEmails } from '#mail/email.ts'
import type { MessageRow } from '#mail/message-row.ts'
import { emailObjectId } from '#mail/object-id.ts'
import { changesOf, type How, standardChanges } from '../standard-changes.ts'
import { type VisiblePast, withVisiblePast } from '../visible-past.ts'

export const emailChanges = standardChanges({
  type: 'Email',
  using: 'urn:ietf:params:jmap:mail',
  standard: 'RFC 8621 §4.3',
  permission: 'jmapEmailChanges',
  asksAlways: true,
  idOf: (account, number) => emailObjectId(number as MessageId, account.idPrefix),
  visible: ({ services }, found, step) =>
    withVisiblePast(services, step, found.to, (tx, past, turned) => {
      const wasCreated = new Set(found.created)
      const wasDestroyed = new Set(found.destroyed)
      const logged = [...found.created, ...found.updated, ...found.destroyed] as MessageId[]
      return changesOf(found, [...logged, ...turned.keys()], step, async (ids) => {
        const rows = await readEmails(tx, step.now.id, ids)
        return ids.map((id, i) => {
          const how = wasCreated.has(id) ? 'created' : wasDestroyed.has(id) ? 'destroyed' : 'updated'
          return changeOf(past, id, rows[i], how)
        })
      })
    }),
})

function changeOf(
  past: VisiblePast,
  id: MessageId,
  row: MessageRow | undefined,
  logged: How,
): How | undefined {
  const sees = past.sees(row)
  if (past.readsAll) return sees || logged === 'destroyed' ? logged : undefined
  const saw = logged !== 'created' && past.saw(id, row)
  if (sees) return saw === true ? 'updated' : 'created'
  return saw === false ? undefined : 'destroyed'
}
