/**
 * Email/changes (RFC 8621 §4.3). The change log knows nothing of who sees what: an Email that has nothing but
 * `\Deleted` entries is none (§4.1.1), and of a shared account the user is told of what is in the mailboxes that they
 * may read.
 */
import type { MessageId, Modseq } from '#base/id.ts'
import type { ChangesSince } from '#kv/change-log.ts'
import type { ReadTx } from '#kv/tx.ts'
import { readEmails } from '#mail/email.ts'
import { listMailboxes } from '#mail/mailbox.ts'
import type { MessageRow } from '#mail/message-row.ts'
import { emailObjectId } from '#mail/object-id.ts'
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

export const emailChanges = standardChanges({
  type: 'Email',
  using: 'urn:ietf:params:jmap:mail',
  standard: 'RFC 8621 §4.3',
  permission: 'jmapEmailChanges',
  asksAlways: true,
  idOf: (account, number) => emailObjectId(number as MessageId, account.idPrefix),
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
  const readable = readableOf(account, all)
  if (!account.isOwn) await assertSameRights(tx, account.id, all, since)
  const ids = [...found.created, ...found.updated] as MessageId[]
  const rows = await readEmails(tx, account.id, ids)
  const wasCreated = new Set<number>(found.created)
  const told = { created: [] as number[], updated: [] as number[], destroyed: [] as number[] }
  const unknown: number[] = []
  for (const [i, row] of rows.entries()) {
    const id = ids[i]!
    const how = changeOf(row, readable, since, wasCreated.has(id))
    if (how === undefined) unknown.push(id)
    else if (how !== 'destroyed' || !wasCreated.has(id)) told[how].push(id)
  }
  // What is in no mailbox of theirs any more is gone, if it was in one.
  const gone = [...found.destroyed, ...unknown.filter((id) => !wasCreated.has(id))]
  if (gone.length > 0) {
    const left = readable && (await departed(tx, account.id, all, readable, since)).messages
    told.destroyed.push(...gone.filter((id) => left?.has(id) !== false))
  }
  return { ...found, ...told }
}

/** Undefined where nothing of it is in the mailboxes. */
function changeOf(
  row: MessageRow | undefined,
  readable: Readable,
  since: Modseq,
  wasCreated: boolean,
): 'created' | 'updated' | 'destroyed' | undefined {
  const here = row?.entries.filter((entry) => isReadable(readable, entry)) ?? []
  if (row === undefined || here.length === 0) return undefined
  if (!isVisible(readable, row)) return 'destroyed'
  if (wasCreated) return 'created'
  // Where all of it changed, it may have come from where they may not read: to hear of it twice does no harm.
  const isNew = readable !== undefined && here.every(({ modseq }) => modseq > since)
  return isNew ? 'created' : 'updated'
}
