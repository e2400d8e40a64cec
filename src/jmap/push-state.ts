/**
 * What changed for a user, over all accounts that the user can see, since a moment that a short text stands for: the
 * StateChange object (RFC 8620 §7.1) and the pushState that goes with it (RFC 8887 §4.3.5.1; the event id of
 * RFC 8620 §7.3).
 *
 * What must always hold: a type that did not change is not told; what changed after the moment is, whatever is lost
 * on the way, since it is always the change log that says so. An account of which the text says nothing is told as a
 * whole, and so are those of others where the user has come into other groups, or left some.
 */
import type { Access } from '#account/access.ts'
import type { AccountId, Modseq } from '#base/id.ts'
import { modseqOf, stateOf } from '#kv/change-log.ts'
import type { StateType } from '#kv/type-states.ts'
import { accountNumber, accountObjectId, askerOf, OpenAccount, readSessionAccounts } from './accounts.ts'
import { objectOf } from './dispatch.ts'
import { readQuotas, stateOfQuotas } from './quota.ts'
import type { JmapServices } from './services.ts'
import type { JsonObject } from './value.ts'

export interface Told {
  /** As whom the user was given rights. */
  readonly asker: string
  /** The sequence of each account up to which everything was told. */
  readonly upTo: ReadonlyMap<AccountId, Modseq>
}

export type PushServices = Pick<JmapServices, 'db' | 'principals' | 'states' | 'limitsOf'>

/** Types that no client knows. */
const internal: ReadonlySet<StateType> = new Set(['Subscription', 'Annotation', 'Restored'])

/** Of an event id, which comes back in a header field; what is left out is told anew. */
const longestToken = 4000
const askerLength = 17

/** The own account comes first, so that it is never left out. */
export function pushStateOf({ asker, upTo }: Told): string {
  let text = ''
  for (const [account, modseq] of upTo) {
    const more = `${text === '' ? '' : '.'}${accountObjectId(account)}-${stateOf(modseq)}`
    if (text.length + more.length > longestToken) break
    text += more
  }
  return `${text}_${asker}`
}

/** What we did not give out says nothing: everything is told then. */
export function readPushState(text: string): Told {
  const nothing = { asker: '', upTo: new Map() }
  if (text.length > longestToken + askerLength) return nothing
  const upTo = new Map<AccountId, Modseq>()
  const [list, asker] = text.split('_', 2)
  for (const one of list!.split('.')) {
    const [account, state, ...rest] = one.split('-')
    const id = accountNumber(account!)
    const modseq = state === undefined ? undefined : modseqOf(state)
    if (id === undefined || modseq === undefined || rest.length > 0) return nothing
    upTo.set(id, modseq)
  }
  return { asker: asker ?? '', upTo }
}

export interface PushedAccounts {
  /** Those that are in the session, the own one first. */
  readonly accounts: readonly OpenAccount[]
  /** With those that will be there once the user is given rights: what changes in them is to be looked at too. */
  readonly watched: ReadonlySet<AccountId>
}

export async function pushedAccounts(services: PushServices, access: Access): Promise<PushedAccounts> {
  const { accounts, who, wanted } = await readSessionAccounts(services, access)
  return { accounts: accounts.map(({ id }) => new OpenAccount(id, who)), watched: wanted }
}

export interface Difference {
  /** For each account with changes the states of the types that changed. */
  readonly changed: ReadonlyMap<AccountId, JsonObject>
  /** Up to where it reaches. */
  readonly now: Told
}

/**
 * `types`: those that are asked for; null: all. Without `told` nothing is new. Of quotas only the first account is
 * told, which is the user's own: what others hold is not for everybody who sees something of theirs.
 */
export async function differenceSince(
  services: PushServices,
  accounts: readonly OpenAccount[],
  told: Told | undefined,
  types: ReadonlySet<string> | null,
): Promise<Difference> {
  const { now, found } = await readDifference(services, accounts, told, types)
  const changed = new Map<AccountId, JsonObject>()
  for (const [account, states] of found) {
    const isCounted = states.delete('Quota') && account === accounts[0]!.id
    const quotas = isCounted ? await readQuotas(services, account) : []
    if (quotas.length > 0) states.set('Quota', stateOfQuotas(quotas))
    if (states.size > 0) changed.set(account, objectOf(states))
  }
  return { changed, now }
}

type ChangedStates = Map<string, string>

function readDifference(
  { db, states }: PushServices,
  accounts: readonly OpenAccount[],
  told: Told | undefined,
  types: ReadonlySet<string> | null,
): Promise<{ readonly now: Told; readonly found: ReadonlyMap<AccountId, ChangedStates> }> {
  return db.read(async (tx) => {
    const upTo = new Map<AccountId, Modseq>()
    const asker = askerOf(accounts[0]!.who)
    const found = new Map<AccountId, ChangedStates>()
    for (const account of accounts) {
      const { id, isOwn } = account
      const sequence = await tx.sequence(id)
      upTo.set(id, sequence)
      const before = isOwn || told?.asker === asker ? told?.upTo.get(id) : undefined
      if (told === undefined || before === sequence) continue
      // A number that is not reached yet is of a store that was there before.
      const isUnknown = before === undefined || before > sequence
      const changed: ChangedStates = new Map()
      for (const [type, state] of await states.readAll(tx, id)) {
        if (internal.has(type) || types?.has(type) === false) continue
        if (isUnknown || state > before) changed.set(type, account.stateOf(state))
      }
      found.set(id, changed)
    }
    return { now: { asker, upTo }, found }
  })
}

export const stateChange = ({ changed }: Pick<Difference, 'changed'>): JsonObject => ({
  '@type': 'StateChange',
  changed: objectOf([...changed].map(([account, states]) => [accountObjectId(account), states] as const)),
})
