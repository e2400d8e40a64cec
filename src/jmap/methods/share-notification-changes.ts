/** ShareNotification/changes (RFC 9670 §3.2). */
import { principalsCapability } from '../principals.ts'
import { assertOwn, notificationId } from '../share-notifications.ts'
import { standardChanges } from '../standard-changes.ts'

export const shareNotificationChanges = standardChanges({
  type: 'ShareNotification',
  using: principalsCapability,
  standard: 'RFC 9670 §3.2',
  permission: 'jmapShareNotificationChanges',
  idOf: (_account, number) => notificationId(number),
  prepare: async (_call, account) => assertOwn(account),
  visible: async (_call, found) => found,
})
