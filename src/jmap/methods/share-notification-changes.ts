/** ShareNotification/changes (RFC 9670 §3.2). */
import { MethodError } from '../errors.ts'
import { principalsCapability } from '../principals.ts'
import { notificationId } from '../share-notifications.ts'
import { standardChanges } from '../standard-changes.ts'

export const shareNotificationChanges = standardChanges({
  type: 'ShareNotification',
  using: principalsCapability,
  standard: 'RFC 9670 §3.2',
  permission: 'jmapShareNotificationChanges',
  idOf: (_account, number) => notificationId(number),
  // Those of others are nobody's business.
  visible: () => Promise.reject(new MethodError('accountNotSupportedByMethod')),
})
