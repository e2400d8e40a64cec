/**
 * Principals as one user sees them (RFC 9670 §2): those of the same domain, those who share something with the user
 * or are shared with, and the user's groups. Others are as if they were not there, so that nobody can find out who
 * has an account (RFC 9670 §6.4).
 *
 * They are in the user's own account. No change log tells of accounts, so the state is made of what is told of them:
 * see `principal-history.ts`.
 */
import { createHash } from 'node:crypto'
import type { AccountId } from '#base/id.ts'
import { listMailboxes } from '#mail/mailbox.ts'
import type { PrincipalProfile } from '#mail/principal.ts'
import { accountObjectId, type OpenAccount, type SeenAccount, seenAccounts } from './accounts.ts'
import { MethodError } from './errors.ts'
import type { Call } from './method.ts'
import { principalObjectId } from './principal-id.ts'
import type { JsonObject } from './value.ts'

export const principalsCapability = 'urn:ietf:params:jmap:principals'

export const principalProperties = [
  'id',
  'type',
  'name',
  'description',
  'email',
  'timeZone',
  'capabilities',
  'accounts',
] as const

export interface SeenPrincipal {
  readonly id: string
  readonly type: 'individual' | 'group'
  readonly name: string
  readonly description: string | null
  readonly email: string | null
  readonly timeZone: string | null
  /** Of the Principal, if the user can see it. */
  readonly account: SeenAccount | undefined
}

export interface SeenPrincipals {
  readonly state: string
  readonly list: readonly SeenPrincipal[]
}

/** Throws MethodError `accountNotSupportedByMethod` for accounts of others. */
export async function seenPrincipals(call: Call, account: OpenAccount): Promise<SeenPrincipals> {
  if (!account.isOwn) throw new MethodError('accountNotSupportedByMethod')
  const { services, access } = call
  const accounts = new Map((await seenAccounts(services, access)).map((one) => [one.id, one]))
  const known = await knownTo(call, account, accounts)
  const all = await services.directory.all()
  const own = all.find(({ id }) => id === account.id)
  const domain = domainOf(own?.name ?? access.name)
  const list = all
    .filter((one) => known.has(one.id) || (domain !== undefined && domainOf(one.name) === domain))
    .map((one) => principalOf(one, accounts.get(one.id)))
  const told = list.map(({ account: seen, ...rest }) => [rest, seen] as const)
  const state = createHash('sha256').update(JSON.stringify(told)).digest('base64url').slice(0, 16)
  services.principalHistory.remember(
    state,
    told.map((one) => [one[0].id, one]),
  )
  return { state, list }
}

async function knownTo(
  { services, access }: Call,
  account: OpenAccount,
  accounts: ReadonlyMap<AccountId, SeenAccount>,
): Promise<ReadonlySet<AccountId>> {
  const own = await services.db.read((tx) => listMailboxes(tx, account.id))
  const grantees = own.flatMap(({ grants }) => grants.map(({ grantee }) => grantee))
  return new Set([access.account, ...account.who.groups, ...accounts.keys(), ...grantees])
}

const domainOf = (name: string): string | undefined => {
  const at = name.lastIndexOf('@')
  return at === -1 ? undefined : name.slice(at + 1).toLowerCase()
}

/** What the administrator wrote of a person is the name; of a group it says what that is for. */
function principalOf(one: PrincipalProfile, account: SeenAccount | undefined): SeenPrincipal {
  const { isGroup, email, timeZone } = one
  const description = one.description === '' ? null : one.description
  return {
    id: principalObjectId(one.id),
    type: isGroup ? 'group' : 'individual',
    name: isGroup ? one.name : (description ?? one.name),
    description: isGroup ? description : null,
    email,
    timeZone,
    account,
  }
}

export async function principalObject(
  call: Call,
  { account, ...principal }: SeenPrincipal,
  properties: ReadonlySet<string>,
): Promise<JsonObject> {
  const all: JsonObject = {
    ...principal,
    capabilities: {},
    accounts:
      account === undefined || !properties.has('accounts')
        ? null
        : { [accountObjectId(account.id)]: await call.describe(account) },
  }
  return Object.fromEntries(Object.entries(all).filter(([name]) => properties.has(name)))
}
