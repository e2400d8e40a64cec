/** ShareNotifications (RFC 9670 §3): in the account of the user whose rights changed, and nobody else's. */
import { mailboxObjectId, objectIdPrefix } from '#mail/object-id.ts'
import { mailboxRights } from '#mail/rights.ts'
import type { ShareNotification } from '#mail/share-notification.ts'
import { accountNumber, accountObjectId, type OpenAccount } from './accounts.ts'
import { MethodError } from './errors.ts'
import { type Filter, filterTest } from './filter.ts'
import { principalObjectId } from './principal-id.ts'
import type { Comparator } from './sort.ts'
import {
  id,
  type JsonObject,
  nullable,
  type ReadFields,
  string,
  timeOf,
  utcDate,
  utcSecondOf,
} from './value.ts'

const letter = 'N'
/** What shared objects are; there are no others yet. */
const objectType = 'Mailbox'

export const shareNotificationProperties = [
  'id',
  'created',
  'changedBy',
  'objectType',
  'objectAccountId',
  'objectId',
  'oldRights',
  'newRights',
  'name',
] as const

export const notificationId = (number: number): string => `${letter}${number.toString(36)}`

/** undefined for anything that we never gave out. */
export function notificationNumber(text: string): number | undefined {
  const digits = text.slice(1)
  if (!text.startsWith(letter) || !/^[0-9a-z]{1,10}$/.test(digits)) return undefined
  const number = Number.parseInt(digits, 36)
  return number.toString(36) === digits ? number : undefined
}

/** Throws MethodError `accountNotSupportedByMethod` for accounts of others. */
export function assertOwn(account: OpenAccount): void {
  if (!account.isOwn) throw new MethodError('accountNotSupportedByMethod')
}

export function shareNotificationObject(number: number, one: ShareNotification): JsonObject {
  const { changedBy, owner } = one
  return {
    id: notificationId(number),
    created: utcSecondOf(one.created),
    changedBy: {
      name: changedBy.name,
      email: changedBy.email,
      principalId: principalObjectId(changedBy.account),
    },
    objectType,
    objectAccountId: accountObjectId(owner),
    objectId: mailboxObjectId(one.mailbox, objectIdPrefix({ account: owner, isOwn: false })),
    oldRights: { ...mailboxRights(one.oldRights) },
    newRights: { ...mailboxRights(one.newRights) },
    name: one.name,
  }
}

export const notificationConditions = {
  after: nullable(utcDate),
  before: nullable(utcDate),
  objectType: string,
  objectAccountId: id,
} as const
export const notificationSorts = ['created'] as const

type Condition = ReadFields<typeof notificationConditions>
type Numbered = readonly (readonly [number, ShareNotification])[]

/** The numbers of those that a query finds, in its order. */
export function findNotifications(
  all: Numbered,
  filter: Filter<Condition> | undefined,
  sort: readonly Comparator<unknown>[],
): readonly number[] {
  const test = filterTest(filter, (condition: Condition) => (one: ShareNotification) => meets(one, condition))
  const found = all.filter(([, one]) => test(one))
  const [first] = sort
  const by = first === undefined || first.isAscending ? 1 : -1
  return found
    .toSorted(([a, one], [b, other]) => by * (seconds(one.created) - seconds(other.created)) || a - b)
    .map(([number]) => number)
}

/** As it is told. */
const seconds = (time: number): number => Math.floor(time / 1000)

function meets(one: ShareNotification, { after, before, ...rest }: Condition): boolean {
  const created = seconds(one.created) * 1000
  return (
    (after === undefined || after === null || created >= timeOf(after)) &&
    (before === undefined || before === null || created < timeOf(before)) &&
    (rest.objectType === undefined || rest.objectType === objectType) &&
    (rest.objectAccountId === undefined || accountNumber(rest.objectAccountId) === one.owner)
  )
}
