/**
 * ShareNotification/queryChanges (RFC 9670 §3.5). Notifications never change, so what is new in a result was
 * created, and what is gone from it was dismissed.
 */
import { changesSince, modseqOf, stateOf } from '#kv/change-log.ts'
import { listNotifications } from '#mail/share-notification.ts'
import { MethodError } from '../errors.ts'
import { readFilter } from '../filter.ts'
import { accountField, method } from '../method.ts'
import { principalsCapability } from '../principals.ts'
import {
  assertOwn,
  findNotifications,
  notificationConditions,
  notificationId,
  notificationSorts,
} from '../share-notifications.ts'
import { readSort } from '../sort.ts'
import { cannotCalculate } from '../standard-changes.ts'
import { anything, boolean, listOf, nullable, positiveInt, string } from '../value.ts'

export const shareNotificationQueryChanges = method({
  name: 'ShareNotification/queryChanges',
  using: principalsCapability,
  standard: 'RFC 9670 §3.5',
  permission: 'jmapShareNotificationQueryChanges',
  arguments: {
    ...accountField,
    filter: anything,
    sort: nullable(listOf(anything)),
    sinceQueryState: string,
    maxChanges: nullable(positiveInt),
    upToId: nullable(string),
    calculateTotal: boolean,
  },
  required: ['accountId', 'sinceQueryState'],
  async call(call, args) {
    const account = await call.account(args.accountId!)
    assertOwn(account)
    const filter = readFilter(args.filter, notificationConditions)
    const sort = readSort(args.sort ?? [], notificationSorts)
    const since = modseqOf(args.sinceQueryState!)
    const { db, states } = call.services
    const { changes, state, all } = await db.read(async (tx) => {
      if (since === undefined || since > (await tx.sequence(account.id))) throw cannotCalculate()
      return {
        changes: await changesSince(tx, account.id, 'ShareNotification', since, Number.POSITIVE_INFINITY),
        state: await states.read(tx, account.id, 'ShareNotification'),
        all: await listNotifications(tx, account.id),
      }
    })
    if (changes === 'tooOld') throw cannotCalculate()
    const now = findNotifications(all, filter, sort)
    const created = new Set(changes.created)
    const added = now.flatMap((number, index) =>
      created.has(number) ? [{ id: notificationId(number), index }] : [],
    )
    const removed = changes.destroyed.map(notificationId)
    const { maxChanges, calculateTotal = false } = args
    if (maxChanges !== null && maxChanges !== undefined && removed.length + added.length > maxChanges)
      throw new MethodError('tooManyChanges')
    return [
      {
        arguments: {
          accountId: account.text,
          oldQueryState: args.sinceQueryState!,
          newQueryState: stateOf(state),
          ...(calculateTotal ? { total: now.length } : {}),
          removed,
          added,
        },
      },
    ]
  },
})
