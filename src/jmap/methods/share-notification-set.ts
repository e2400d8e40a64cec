/** ShareNotification/set (RFC 9670 §3.3): to destroy one is to dismiss it, and nothing else is possible. */
import { dismissNotification } from '#mail/share-notification.ts'
import { SetFault } from '../errors.ts'
import { principalsCapability } from '../principals.ts'
import { assertOwn, notificationNumber } from '../share-notifications.ts'
import { notFound, standardSet } from '../standard-set.ts'

export const shareNotificationSet = standardSet({
  type: 'ShareNotification',
  using: principalsCapability,
  standard: 'RFC 9670 §3.3',
  permission: 'jmapShareNotificationSet',
  prepare: async (_call, account) => assertOwn(account),
  begin: ({ tx, account }) => ({
    create: () => Promise.reject(forbidden()),
    update: () => Promise.reject(forbidden()),
    async destroy(id) {
      const number = notificationNumber(id)
      if (number === undefined || !(await dismissNotification(tx, account.id, number))) throw notFound()
    },
  }),
})

const forbidden = (): SetFault => new SetFault('forbidden', 'Notifications can only be dismissed.')
