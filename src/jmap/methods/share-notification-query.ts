/** ShareNotification/query (RFC 9670 §3.4). */
import { stateOf } from '#kv/change-log.ts'
import { listNotifications } from '#mail/share-notification.ts'
import { principalsCapability } from '../principals.ts'
import {
  assertOwn,
  findNotifications,
  notificationConditions,
  notificationId,
  notificationSorts,
} from '../share-notifications.ts'
import { standardQuery } from '../standard-query.ts'

export const shareNotificationQuery = standardQuery({
  type: 'ShareNotification',
  using: principalsCapability,
  standard: 'RFC 9670 §3.4',
  permission: 'jmapShareNotificationQuery',
  conditions: notificationConditions,
  sorts: notificationSorts,
  async run({ services }, account, { filter, sort }) {
    assertOwn(account)
    const { state, all } = await services.db.read(async (tx) => ({
      state: await services.states.read(tx, account.id, 'ShareNotification'),
      all: await listNotifications(tx, account.id),
    }))
    const ids = findNotifications(all, filter, sort).map(notificationId)
    return {
      queryState: stateOf(state),
      canCalculateChanges: true,
      total: ids.length,
      slice: (from, to) => ids.slice(from, to),
      indexOf: (id) => ids.indexOf(id),
    }
  },
})
