/** Whom a mailbox is shared with is changed (RFC 9670 §4). */
import type { AccountId, MailboxId } from '#base/id.ts'
import type { WriteTx } from '#kv/tx.ts'
import { anyone } from '#mail/rights.ts'
import { sharingSettings } from '#mail/settings.ts'
import { listGrants, setGrants } from '#mail/share.ts'
import { type ShareNotice, toldOf } from '#mail/share-notification.ts'
import { accountObjectId, type OpenAccount } from './accounts.ts'
import { invalidProperties } from './errors.ts'
import type { Call } from './method.ts'
import { SeenMailboxes } from './mailbox-object.ts'
import { principalNumber, principalObjectId } from './principal-id.ts'
import { seenPrincipals } from './principals.ts'
import { grantsFor, type ShareWith } from './share-with.ts'
import type { SetRequest } from './standard-set.ts'
import { isObject } from './value.ts'

/** What is found out before the commit. */
export interface PreparedSharing {
  readonly notice: ShareNotice
  /** Ids of those whom the user can share with: of others nobody learns whether they are there. */
  readonly principals: ReadonlySet<string>
}

interface Context {
  readonly tx: WriteTx
  readonly call: Call
  readonly account: OpenAccount
  readonly prepared: PreparedSharing
}

/** Throws SetFault `invalidProperties` for who is no Principal, or is the owner. */
export async function shareMailbox(
  { tx, call, account, prepared }: Context,
  mailbox: MailboxId,
  wanted: ShareWith | null,
): Promise<void> {
  const before = await listGrants(tx, { account: account.id, mailbox })
  const people = before.filter(({ grantee }) => grantee !== anyone)
  const known = new Set(people.map(({ grantee }) => principalObjectId(grantee)))
  for (const named of wanted?.keys() ?? []) {
    const isOwner = principalNumber(named) === account.id
    if (isOwner || !(known.has(named) || prepared.principals.has(named)))
      throw invalidProperties([
        { property: 'shareWith', problem: isOwner ? 'names the owner' : 'names somebody who is not there' },
      ])
  }
  const { maxShares } = call.services.settings.get(sharingSettings)
  await setGrants(tx, { account: account.id, mailbox }, grantsFor(account.id, before, wanted), {
    maxShares,
    notice: prepared.notice,
  })
}

/**
 * Whom a call's changes may concern is told (RFC 9670 §3): those who are named, those who were before, who has rights
 * on a mailbox that another comes below, which has them then, and on one that goes.
 */
export async function prepareSharing(
  call: Call,
  account: OpenAccount,
  { create, update, destroy }: Pick<SetRequest, 'create' | 'update' | 'destroy'>,
): Promise<PreparedSharing> {
  const { services, access } = call
  const concerned = new Set<AccountId>()
  const shared: string[] = []
  for (const [id, patch] of [...create, ...update]) {
    for (const [name, value] of Object.entries(patch)) {
      if (name !== 'shareWith' && !name.startsWith('shareWith/')) continue
      shared.push(id)
      const named =
        name !== 'shareWith' ? [name.split('/', 2)[1]!] : isObject(value) ? Object.keys(value) : []
      for (const grantee of named.map(principalNumber)) if (grantee !== undefined) concerned.add(grantee)
    }
  }
  const parents = [...create.values()].map(({ parentId }) => parentId).filter((id) => typeof id === 'string')
  const others = [...parents, ...destroy].map((id) => call.resolve(id) ?? id)
  const by = { account: access.account, name: access.name, email: access.emails[0] ?? null }
  const at = services.clock.now()
  if (shared.length + others.length === 0) return { notice: { by, at, told: [] }, principals: new Set() }
  const mailboxes = await services.db.read((tx) => SeenMailboxes.read(tx, call, account))
  for (const id of [...shared, ...others])
    for (const { grantee } of mailboxes.find(id)?.grants ?? []) concerned.add(grantee)
  const told = await toldOf(services.principals, access.account, concerned)
  if (shared.length === 0) return { notice: { by, at, told }, principals: new Set() }
  const { list } = await seenPrincipals(call, await call.account(accountObjectId(access.account)))
  return {
    notice: { by, at, told },
    principals: new Set(list.map(({ id }) => id)),
  }
}
