/** What happened to the mailboxes of an account since a commit, apart from what is counted of them. */
import type { AccountId, MailboxId, Modseq } from '#base/id.ts'
import { type Changes, entriesSince, mergeChange } from '#kv/change-log.ts'
import type { ReadTx } from '#kv/tx.ts'

export interface MailboxChanges {
  readonly created: ReadonlySet<MailboxId>
  readonly updated: ReadonlySet<MailboxId>
  readonly destroyed: readonly MailboxId[]
}

const logPage = 256

/** `tooOld` where the log does not reach back, or there was no such commit. */
export async function mailboxChanges(
  tx: ReadTx,
  account: AccountId,
  since: Modseq,
): Promise<MailboxChanges | 'tooOld'> {
  if (since > (await tx.sequence(account))) return 'tooOld'
  const changes: Changes = new Map()
  for (let after = since; ;) {
    const page = await entriesSince(tx, account, after, logPage)
    if (page === 'tooOld') return page
    for (const [modseq, entry] of page) {
      after = modseq
      for (const [id, how] of entry.get('Mailbox') ?? []) if (how !== 'counts') mergeChange(changes, id, how)
    }
    if (page.length < logPage) break
  }
  const those = (wanted: string): MailboxId[] =>
    [...changes].filter(([, how]) => how === wanted).map(([id]) => id as MailboxId)
  return {
    created: new Set(those('created')),
    updated: new Set(those('updated')),
    destroyed: those('destroyed'),
  }
}
