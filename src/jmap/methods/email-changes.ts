/**
 * Email/changes (RFC 8621 §4.3). The change log knows nothing of who sees what: an Email that has nothing but
 * `\Deleted` entries is none (§4.1.1), and of a shared account the user is told of what is, or was, in the mailboxes
 * that they may read.
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
      const logged = [...found.created, ...found.updated, ...found.destroyed] as MessageId[]
      return changesOf(found, [...logged, ...turned.keys()], step, async (ids) => {
        const rows = await readEmails(tx, step.now.id, ids)
        return ids.map((id, i) => changeOf(past, id, rows[i], wasCreated.has(id)))
      })
    }),
})

function changeOf(
  past: VisiblePast,
  id: MessageId,
  row: MessageRow | undefined,
  wasCreated: boolean,
): How | undefined {
  const saw = !wasCreated && (past.readsAll || past.saw(id, row))
  if (past.sees(row)) return saw === true ? 'updated' : 'created'
  return saw === false ? undefined : 'destroyed'
}
