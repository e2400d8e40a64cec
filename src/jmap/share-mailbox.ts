/** Whom a mailbox is shared with is changed (RFC 9670 §4). */
import type { MailboxId } from '#base/id.ts'
import type { WriteTx } from '#kv/tx.ts'
import { sharingSettings } from '#mail/settings.ts'
import { listGrants, setGrants } from '#mail/share.ts'
import type { OpenAccount } from './accounts.ts'
import { invalidProperties } from './errors.ts'
import type { Call } from './method.ts'
import { grantsFor, namedIn, type ShareWith } from './share-with.ts'

interface Context {
  readonly tx: WriteTx
  readonly call: Call
  readonly account: OpenAccount
}

/** Throws SetFault `invalidProperties` for who is no Principal, or is the owner. */
export async function shareMailbox(
  { tx, call, account }: Context,
  mailbox: MailboxId,
  wanted: ShareWith | null,
): Promise<void> {
  const before = await listGrants(tx, account.id, mailbox)
  for (const grantee of namedIn(wanted)) {
    const isKnown = grantee !== undefined && before.some((grant) => grant.grantee === grantee)
    const isOwner = grantee === account.id
    if (
      isOwner ||
      (!isKnown && (grantee === undefined || (await call.services.principals.byId(grantee)) === undefined))
    )
      throw invalidProperties([
        { property: 'shareWith', problem: isOwner ? 'names the owner' : 'names somebody who is not there' },
      ])
  }
  const { maxShares } = call.services.settings.get(sharingSettings)
  await setGrants(tx, account.id, mailbox, grantsFor(account.id, before, wanted), { maxShares })
}
