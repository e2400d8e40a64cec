/**
 * Thread/changes (RFC 8621 §3.2). The change log says when a Thread has other Emails than before, as its owner sees
 * it; who may not read all mailboxes is told of what is, or was, to be seen in theirs, and of nothing else.
 */
import type { MessageId, ThreadId } from '#base/id.ts'
import type { MessageRow } from '#mail/message-row.ts'
import { threadObjectId } from '#mail/object-id.ts'
import { readThreads } from '#mail/thread.ts'
import { changesOf, type How, standardChanges } from '../standard-changes.ts'
import { type Saw, type VisiblePast, withVisiblePast } from '../visible-past.ts'

export const threadChanges = standardChanges({
  type: 'Thread',
  using: 'urn:ietf:params:jmap:mail',
  standard: 'RFC 8621 §3.2',
  permission: 'jmapThreadChanges',
  asksAlways: true,
  idOf: (account, number) => threadObjectId(number as ThreadId, account.idPrefix),
  visible: ({ services }, found, step) =>
    withVisiblePast(services, step, found.to, async (tx, past, turned) => {
      if (past.readsAll) return found
      const logged = [...found.created, ...found.updated, ...found.destroyed] as ThreadId[]
      const wasCreated = new Set(found.created)
      return changesOf(found, [...logged, ...turned.values()], step, async (threads) => {
        const rows = await readThreads(tx, step.now.id, threads)
        return threads.map((thread) => {
          const emails = new Map<MessageId, MessageRow | undefined>(rows.get(thread))
          for (const id of past.left(thread)) if (!emails.has(id)) emails.set(id, undefined)
          const how = changeOf(past, emails)
          return how === 'destroyed' && wasCreated.has(thread) ? undefined : how
        })
      })
    }),
})

/** A Thread is its Emails: where they are the same, nothing has changed. */
function changeOf(
  past: VisiblePast,
  emails: ReadonlyMap<MessageId, MessageRow | undefined>,
): How | undefined {
  let had: Saw = false
  let has = false
  let isOther = false
  for (const [id, row] of emails) {
    const saw = past.saw(id, row)
    const sees = past.sees(row)
    if (saw === true || (saw === 'maybe' && !had)) had = saw
    if (sees) has = true
    if (saw !== sees) isOther = true
  }
  if (!isOther) return undefined
  if (has) return had === true ? 'updated' : 'created'
  return had === false ? undefined : 'destroyed'
}
