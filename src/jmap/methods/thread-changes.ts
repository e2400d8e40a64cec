/**
 * Thread/changes (RFC 8621 §3.2). The change log says when a Thread has other Emails than before, as its owner sees
 * it; who may not read all mailboxes is told of what is to be seen in theirs, and of nothing else.
 */
import type { Modseq, ThreadId } from '#base/id.ts'
import type { ChangesSince } from '#kv/change-log.ts'
import type { ReadTx } from '#kv/tx.ts'
import { listMailboxes } from '#mail/mailbox.ts'
import type { MessageRow } from '#mail/message-row.ts'
import { threadObjectId } from '#mail/object-id.ts'
import { readThreads } from '#mail/thread.ts'
import type { OpenAccount } from '../accounts.ts'
import { standardChanges } from '../standard-changes.ts'
import {
  assertSameRights,
  departed,
  isReadable,
  isVisible,
  type Readable,
  readableOf,
} from '../thread-visibility.ts'

export const threadChanges = standardChanges({
  type: 'Thread',
  using: 'urn:ietf:params:jmap:mail',
  standard: 'RFC 8621 §3.2',
  permission: 'jmapThreadChanges',
  idOf: (account, number) => threadObjectId(number as ThreadId, account.idPrefix),
  visible: ({ services }, account, found, since) =>
    services.db.read((tx) => visibleChanges(tx, account, found, since)),
})

async function visibleChanges(
  tx: ReadTx,
  account: OpenAccount,
  found: ChangesSince,
  since: Modseq,
): Promise<ChangesSince> {
  const all = await listMailboxes(tx, account.id)
  await assertSameRights(tx, account.id, all, since)
  const readable = readableOf(account, all)
  if (readable === undefined) return found
  const threads = [...found.created, ...found.updated, ...found.destroyed] as ThreadId[]
  const rows = await readThreads(tx, account.id, threads)
  const told = { created: [] as number[], updated: [] as number[], destroyed: [] as number[] }
  const wasCreated = new Set<number>(found.created)
  const left = await departed(tx, account.id, all, readable, since)
  for (const thread of threads) {
    const messages = (rows.get(thread) ?? []).map(([, row]) => row)
    const how =
      changeOf(messages, readable, since) ??
      (left.threads.has(thread) ? lessOf(messages, readable) : undefined)
    if (how !== undefined && (how !== 'destroyed' || !wasCreated.has(thread))) told[how].push(thread)
  }
  return { ...found, ...told }
}

/** Where nothing changed but that something is gone. */
const lessOf = (messages: readonly MessageRow[], readable: Readable): 'updated' | 'destroyed' =>
  messages.some((row) => isVisible(readable, row)) ? 'updated' : 'destroyed'

/** undefined where nothing is left in the readable mailboxes that changed since. */
function changeOf(
  messages: readonly MessageRow[],
  readable: Readable,
  since: Modseq,
): 'created' | 'updated' | 'destroyed' | undefined {
  const here = messages.flatMap(({ entries }) => entries.filter((entry) => isReadable(readable, entry)))
  if (!here.some(({ modseq }) => modseq > since)) return undefined
  if (!messages.some((row) => isVisible(readable, row))) return 'destroyed'
  // Where all of it changed, the client may never have seen it: to hear of something twice does no harm.
  return here.some(({ modseq, deleted }) => modseq <= since && !deleted) ? 'updated' : 'created'
}
