/**
 * The accounts that a user can see: the own one, those of groups, and those that share something. Which of their
 * mailboxes one may see is asked of the rights, mailbox by mailbox.
 */
import { hash } from 'node:crypto'
import type { Access } from '#account/access.ts'
import type { AccountId, Modseq } from '#base/id.ts'
import { modseqOf, stateOf } from '#kv/change-log.ts'
import type { ReadTx } from '#kv/tx.ts'
import type { Mailbox } from '#mail/mailbox-row.ts'
import { objectIdPrefix } from '#mail/object-id.ts'
import { noteGroups, pastGroups } from '#mail/past-groups.ts'
import {
  allRights,
  effectiveRights,
  granteesOf,
  hasAll,
  type Identity,
  type Rights,
  rightsOf,
} from '#mail/rights.ts'
import { accountsSeenBy } from '#mail/seen-accounts.ts'
import { listForeignSubscriptions } from '#mail/subscription.ts'
import { MethodError } from './errors.ts'
import type { JmapServices } from './services.ts'

const letter = 'A'

export const accountObjectId = (id: AccountId): string => `${letter}${id.toString(36)}`

/** undefined for anything that we never gave out. */
export function accountNumber(text: string): AccountId | undefined {
  const digits = text.slice(1)
  if (!text.startsWith(letter) || !/^[0-9a-z]{1,7}$/.test(digits)) return undefined
  const number = Number.parseInt(digits, 36)
  return number.toString(36) === digits ? (number as AccountId) : undefined
}

/** An account as one user sees it. */
export class OpenAccount {
  readonly id: AccountId
  readonly isOwn: boolean
  /** As in the session. */
  readonly text: string
  /** What stands before the numbers of its objects' ids: see `mail/object-id.ts`. */
  readonly idPrefix: string
  readonly who: Identity
  /** As in the session: of nothing in it the user may change more than what is their own, such as subscriptions. */
  readonly isReadOnly: boolean

  constructor(id: AccountId, who: Identity, isReadOnly = false) {
    this.id = id
    this.isReadOnly = isReadOnly
    this.isOwn = id === who.account
    this.text = accountObjectId(id)
    this.idPrefix = objectIdPrefix({ account: id, isOwn: this.isOwn })
    this.who = who
  }

  /**
   * The state that a number makes. In an account of somebody else it is another one when the user gets rights as
   * somebody else, since groups come and go: they see other things then.
   */
  stateOf(number: Modseq): string {
    return this.isOwn ? stateOf(number) : `${stateOf(number)}_${askerOf(this.who)}`
  }

  /** The number of a state; undefined for what the user, as who they are now, was never given. */
  numberOf(state: string): Modseq | undefined {
    const number = modseqOf(state.split('_', 1)[0]!)
    return number !== undefined && this.stateOf(number) === state ? number : undefined
  }

  /** The same account as the user saw it, or may come to see it, with the rights of these groups. */
  asMemberOf(groups: readonly AccountId[]): OpenAccount {
    return new OpenAccount(this.id, { account: this.who.account, groups })
  }

  rightsOn({ grants }: Pick<Mailbox, 'grants'>): Rights {
    if (this.isOwn && grants.length === 0) return allRights
    return effectiveRights(this.id, grants, this.who)
  }

  /** Whether the user may know that it is there. */
  maySee(mailbox: Pick<Mailbox, 'grants'>): boolean {
    return hasAll(this.rightsOn(mailbox), visible)
  }

  /** Whether the user may read what is in it. */
  mayRead(mailbox: Pick<Mailbox, 'grants'>): boolean {
    return hasAll(this.rightsOn(mailbox), readable)
  }
}

/** For states: as whom the user is given rights; short, since only that it is another one matters. */
export function askerOf({ account, groups }: Identity): string {
  const who = { account, groups: groups.toSorted((a, b) => a - b) }
  return hash('sha256', granteesOf(who).join(), 'hex').slice(0, 16)
}

/**
 * The account as it was to the user who was told of that asker; undefined where that was never told, or is not
 * known any more.
 */
export async function accountAs(
  tx: ReadTx,
  account: OpenAccount,
  asker: string,
): Promise<OpenAccount | undefined> {
  if (asker === askerOf(account.who)) return account
  const all = (await pastGroups(tx, account.who.account)).map((groups) => account.asMemberOf(groups))
  return all.find(({ who }) => askerOf(who) === asker)
}

const visible = rightsOf('l')
/** RFC 8621 §2: mayReadItems. */
const readable = rightsOf('lr')

export interface SeenAccount {
  readonly id: AccountId
  readonly name: string
  readonly isPersonal: boolean
  /** Nothing in it can be changed. */
  readonly isReadOnly: boolean
  readonly mayCreateAtTop: boolean
}

type Services = Pick<JmapServices, 'db' | 'principals'>

/** Who the user is now: groups come and go. */
export const identityOf = async (services: Services, access: Access): Promise<Identity> => ({
  account: access.account,
  groups: await services.principals.groupsOf(access.account),
})

/** All accounts that the user can see, the own one first. */
export const seenAccounts = async (services: Services, access: Access): Promise<readonly SeenAccount[]> =>
  accountsOf(services, access, await identityOf(services, access))

/**
 * Those of them that the session has and whose changes are told: the own one, those of groups that the user is in,
 * and of others those in which something is subscribed to (RFC 9670 §1.4).
 */
export const sessionAccounts = async (services: Services, access: Access): Promise<readonly SeenAccount[]> =>
  (await readSessionAccounts(services, access)).accounts

/** The same, with who asks, and all accounts that would be among them if they could be seen. */
export async function readSessionAccounts(
  services: Services,
  access: Access,
): Promise<{
  readonly accounts: readonly SeenAccount[]
  readonly who: Identity
  readonly wanted: ReadonlySet<AccountId>
}> {
  const who = await identityOf(services, access)
  const seen = await accountsOf(services, access, who)
  const subscribed = await services.db.read((tx) => listForeignSubscriptions(tx, access.account))
  const wanted = new Set([access.account, ...who.groups, ...subscribed.map(({ account }) => account)])
  return { accounts: seen.filter(({ id }) => wanted.has(id)), who, wanted }
}

async function accountsOf(
  services: Services,
  access: Access,
  who: Identity,
): Promise<readonly SeenAccount[]> {
  const { account: id, name } = access
  const seen: SeenAccount[] = [{ id, name, isPersonal: true, isReadOnly: false, mayCreateAtTop: true }]
  for (const shared of await services.db.read((tx) => accountsSeenBy(tx, who))) {
    const principal = await services.principals.byId(shared.id)
    if (principal !== undefined) seen.push({ ...shared, name: principal.name, isPersonal: false })
  }
  return seen
}

/** Throws MethodError `accountNotFound`, also for those that are there and not to be seen. */
export async function openAccount(
  services: Services,
  access: Access,
  text: string,
  identity = identityOf(services, access),
): Promise<OpenAccount> {
  const id = accountNumber(text)
  const who = await identity
  if (id === access.account) return new OpenAccount(id, who)
  const seen = await services.db.read((tx) => accountsSeenBy(tx, who))
  // States of it are only good for as long as it is known who was given them.
  await noteGroups(services.db, who)
  const shared = seen.find((one) => one.id === id)
  if (shared === undefined || (await services.principals.byId(shared.id)) === undefined)
    throw new MethodError('accountNotFound')
  return new OpenAccount(shared.id, who, shared.isReadOnly)
}

/** For methods that change nothing but what all users share. Throws MethodError `accountReadOnly` (RFC 8620 §3.6.2). */
export function assertWritable({ isReadOnly }: OpenAccount): void {
  if (isReadOnly) throw new MethodError('accountReadOnly')
}
