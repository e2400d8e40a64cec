/**
 * Thread/changes (RFC 8621 §3.2). The change log says when a Thread has other Emails than before, as its owner sees
 * it; who may not read all mailboxes is told of what is, or was, to be seen in theirs, and of nothing else.
 */
import type { MessageId, ThreadId } from '#base/id.ts'
import type { ChangesSince } from '#kv/change-log.ts'
import type { ReadTx } from '#kv/tx.ts'
import { readEmails } from '#mail/email.ts'
import type { MessageRow } from '#mail/message-row.ts'
import { threadObjectId } from '#mail/object-id.ts'
import { readThreads } from '#mail/thread.ts'
import { standardChanges, type Step } from '../standard-changes.ts'
import { type Saw, VisiblePast } from '../visible-past.ts'

export const threadChanges = standardChanges({
  type: 'Thread',
  using: 'urn:ietf:params:jmap:mail',
  standard: 'RFC 8621 §3.2',
  permission: 'jmapThreadChanges',
  asksAlways: true,
  idOf: (account, number) => threadObjectId(number as ThreadId, account.idPrefix),
  visible: ({ services }, found, step) => services.db.read((tx) => visibleChanges(tx, found, step)),
})

async function visibleChanges(tx: ReadTx, found: ChangesSince, step: Step): Promise<ChangesSince> {
  const { most, now: account } = step
  const past = await VisiblePast.read(tx, step)
  if (past.readsAll) return found
  const threads = new Set([...found.created, ...found.updated, ...found.destroyed] as ThreadId[])
  const turned = [...(await past.turned(tx, found.to, most))]
  for (const [i, row] of (await readEmails(tx, account.id, turned)).entries()) {
    const thread = row?.thread ?? past.threadOf(turned[i]!)
    if (thread !== undefined) threads.add(thread)
  }
  const rows = await readThreads(tx, account.id, [...threads])
  const left = past.left(threads)
  const wasCreated = new Set<number>(found.created)
  const told = { created: [] as number[], updated: [] as number[], destroyed: [] as number[] }
  for (const thread of threads) {
    const emails = new Map<MessageId, MessageRow | undefined>(rows.get(thread))
    for (const id of left.get(thread) ?? []) if (!emails.has(id)) emails.set(id, undefined)
    const how = changeOf(past, emails)
    if (how === 'created' || how === 'updated' || (how === 'destroyed' && !wasCreated.has(thread)))
      told[how].push(thread)
  }
  return { ...found, ...told }
}

/** A Thread is its Emails: where they are the same, nothing has changed. */
function changeOf(
  past: VisiblePast,
  emails: ReadonlyMap<MessageId, MessageRow | undefined>,
): 'created' | 'updated' | 'destroyed' | undefined {
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
