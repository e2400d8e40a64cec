/**
 * Email/changes (RFC 8621 §4.3). The change log knows nothing of who sees what: an Email that has nothing but
 * `\Deleted` entries is none (§4.1.1), and of a shared account the user is told of what is, or was, in the mailboxes
 * that they may read.
 */
import type { MessageId } from '#base/id.ts'
import type { ChangesSince } from '#kv/change-log.ts'
import type { ReadTx } from '#kv/tx.ts'
import { readEmails } from '#mail/email.ts'
import type { MessageRow } from '#mail/message-row.ts'
import { emailObjectId } from '#mail/object-id.ts'
import { standardChanges, type Step } from '../standard-changes.ts'
import { VisiblePast } from '../visible-past.ts'

export const emailChanges = standardChanges({
  type: 'Email',
  using: 'urn:ietf:params:jmap:mail',
  standard: 'RFC 8621 §4.3',
  permission: 'jmapEmailChanges',
  asksAlways: true,
  idOf: (account, number) => emailObjectId(number as MessageId, account.idPrefix),
  visible: ({ services }, found, step) => services.db.read((tx) => visibleChanges(tx, found, step)),
})

async function visibleChanges(tx: ReadTx, found: ChangesSince, step: Step): Promise<ChangesSince> {
  const { most, now: account } = step
  const past = await VisiblePast.read(tx, step)
  const turned = await past.turned(tx, found.to, most)
  const logged = [...found.created, ...found.updated, ...found.destroyed] as MessageId[]
  const ids = [...new Set([...logged, ...turned])]
  const rows = await readEmails(tx, account.id, ids)
  const wasCreated = new Set<number>(found.created)
  const told = { created: [] as number[], updated: [] as number[], destroyed: [] as number[] }
  for (const [i, id] of ids.entries()) {
    const how = changeOf(past, id, rows[i], wasCreated.has(id))
    if (how !== undefined) told[how].push(id)
  }
  return { ...found, ...told }
}

function changeOf(
  past: VisiblePast,
  id: MessageId,
  row: MessageRow | undefined,
  wasCreated: boolean,
): keyof Pick<ChangesSince, 'created' | 'updated' | 'destroyed'> | undefined {
  const saw = !wasCreated && (past.readsAll || past.saw(id, row))
  if (past.sees(row)) return saw === true ? 'updated' : 'created'
  return saw === false ? undefined : 'destroyed'
}
