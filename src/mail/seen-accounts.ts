/** The accounts of others in which somebody can see something, and what can be done there at all. */
import type { AccountId, MailboxId } from '#base/id.ts'
import type { ReadTx } from '#kv/tx.ts'
import { inboxId } from './mailbox.ts'
import { effectiveRights, granteesOf, hasAll, hasAny, type Identity, noRights, rightsOf } from './rights.ts'
import { mailboxTable, shareTable } from './tables.ts'

export interface SharingAccount {
  readonly id: AccountId
  /** Nothing in it can be changed. */
  readonly isReadOnly: boolean
  /** Mailboxes can be made at its top. */
  readonly mayCreateAtTop: boolean
}

/** The other accounts in which somebody can see a mailbox now, and those of the groups, ascending. */
export async function accountsSeenBy(tx: ReadTx, who: Identity): Promise<readonly SharingAccount[]> {
  const shared = new Map<AccountId, Set<MailboxId>>(who.groups.map((id) => [id, new Set([inboxId])]))
  for (const grantee of granteesOf(who)) {
    for (const [[, owner, mailbox]] of await tx.list(shareTable, [grantee])) {
      const others = shared.get(owner)
      if (others === undefined) shared.set(owner, new Set([mailbox]))
      else others.add(mailbox)
    }
  }
  shared.delete(who.account)
  const seen: SharingAccount[] = []
  for (const [id, mailboxes] of shared) {
    const keys = Array.from(mailboxes, (mailbox) => [id, mailbox] as const)
    const rows = await tx.getMany(mailboxTable, keys)
    const all = rows.map((row) => (row === undefined ? noRights : effectiveRights(id, row.grants, who)))
    const isMember = who.groups.includes(id)
    if (!isMember && !all.some((rights) => hasAll(rights, visible))) continue
    const ofInbox = all[keys.findIndex(([, mailbox]) => mailbox === inboxId)] ?? noRights
    seen.push({
      id,
      isReadOnly: !all.some((rights) => hasAll(rights, visible) && hasAny(rights, writing)),
      mayCreateAtTop: isMember && hasAll(ofInbox, creating),
    })
  }
  return seen.sort((a, b) => a.id - b.id)
}

const visible = rightsOf('l')
const creating = rightsOf('k')
/** All but to look, to read and to send there. */
const writing = rightsOf('swikxtea')
