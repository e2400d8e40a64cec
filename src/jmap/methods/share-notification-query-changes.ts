/**
 * ShareNotification/queryChanges (RFC 9670 §3.5). Notifications never change, so what is new in a result was
 * created, and what is gone from it was dismissed.
 */
import { changesSince, modseqOf, stateOf } from '#kv/change-log.ts'
import { listNotifications } from '#mail/share-notification.ts'
import { principalsCapability } from '../principals.ts'
import {
  assertOwn,
  findNotifications,
  notificationConditions,
  notificationId,
  notificationSorts,
} from '../share-notifications.ts'
import { cannotCalculate } from '../standard-changes.ts'
import { standardQueryChanges } from '../standard-query-changes.ts'

export const shareNotificationQueryChanges = standardQueryChanges({
  type: 'ShareNotification',
  using: principalsCapability,
  standard: 'RFC 9670 §3.5',
  permission: 'jmapShareNotificationQueryChanges',
  conditions: notificationConditions,
  sorts: notificationSorts,
  async run({ services }, account, { filter, sort, sinceQueryState }) {
    assertOwn(account)
    const { db, states } = services
    const since = modseqOf(sinceQueryState)
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
    return {
      newQueryState: stateOf(state),
      total: now.length,
      removed: changes.destroyed.map(notificationId),
      added: now.flatMap((number, index) =>
        created.has(number) ? [{ id: notificationId(number), index }] : [],
      ),
    }
  },
})
