/** The conditions of Email/query about S/MIME (RFC 9219 §4.2): found out before the query, whose columns know nothing of it. */
import type { MessageId } from '#base/id.ts'
import type { EmailView } from '#mail/email-view.ts'
import { findSmime, whereVerdict } from '#mail/smime-search.ts'
import type { OpenAccount } from './accounts.ts'
import { MethodError } from './errors.ts'
import type { Filter } from './filter.ts'
import type { Call } from './method.ts'
import { boolean } from './value.ts'

export const smimeUrn = 'urn:ietf:params:jmap:smimeverify'

/** RFC 9219 §4.1: properties of an Email. */
export const smimeProperties = [
  'smimeStatus',
  'smimeStatusAtDelivery',
  'smimeErrors',
  'smimeVerifiedAt',
] as const

export const smimeConditions = {
  hasSmime: boolean,
  hasVerifiedSmime: boolean,
  hasVerifiedSmimeAtDelivery: boolean,
} as const

type SmimeCondition = keyof typeof smimeConditions

/** The messages of which each condition is true. */
export type SmimeSets = { readonly [K in SmimeCondition]?: ReadonlySet<MessageId> }

const names = Object.keys(smimeConditions) as readonly SmimeCondition[]

type Conditions = { readonly [K in SmimeCondition]?: boolean }

export const usesSmime = (filter: Filter<Conditions> | undefined): boolean =>
  names.some((name) => mentions(filter, name))

function mentions(filter: Filter<Conditions> | undefined, name: SmimeCondition): boolean {
  if (filter === undefined) return false
  if ('operator' in filter) return filter.conditions.some((one) => mentions(one, name))
  return filter.condition[name] !== undefined
}

/** Throws MethodError `unsupportedFilter` where the request does not use the capability. */
export async function smimeSets(
  call: Call,
  account: OpenAccount,
  view: EmailView,
  filter: Filter<Conditions> | undefined,
): Promise<SmimeSets> {
  if (!usesSmime(filter)) return {}
  if (!call.using.has(smimeUrn))
    throw new MethodError('unsupportedFilter', `Conditions about S/MIME come with ${smimeUrn}.`)
  const { services, signal } = call
  const search = { ...services, account: account.id, signal }
  const ids = view.ids.subarray(0, view.count) as Iterable<number> as Iterable<MessageId>
  const hasSmime = await findSmime({ ...search, ids })
  const where = (name: SmimeCondition, status: 'status' | 'statusAtDelivery') =>
    mentions(filter, name)
      ? whereVerdict(search, hasSmime, (verdict) => verdict[status] === 'signed/verified')
      : undefined
  const hasVerifiedSmime = await where('hasVerifiedSmime', 'status')
  const hasVerifiedSmimeAtDelivery = await where('hasVerifiedSmimeAtDelivery', 'statusAtDelivery')
  return {
    hasSmime,
    ...(hasVerifiedSmime && { hasVerifiedSmime }),
    ...(hasVerifiedSmimeAtDelivery && { hasVerifiedSmimeAtDelivery }),
  }
}

/** What a condition says, as `mail/` asks it; without sets, as if it were not there. */
export function smimeTests(
  condition: Conditions,
  sets: SmimeSets,
): readonly { readonly among: ReadonlySet<MessageId>; readonly isIn: boolean }[] {
  return names.flatMap((name) => {
    const isIn = condition[name]
    const among = sets[name]
    return isIn === undefined || among === undefined ? [] : [{ among, isIn }]
  })
}
