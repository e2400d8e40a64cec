/** ShareNotification/get (RFC 9670 §3.1). */
import { listNotifications } from '#mail/share-notification.ts'
import { principalsCapability } from '../principals.ts'
import { assertOwn, shareNotificationObject, shareNotificationProperties } from '../share-notifications.ts'
import { standardGet } from '../standard-get.ts'

export const shareNotificationGet = standardGet({
  type: 'ShareNotification',
  using: principalsCapability,
  standard: 'RFC 9670 §3.1',
  permission: 'jmapShareNotificationGet',
  properties: shareNotificationProperties,
  async read({ services }, account, { ids, properties }) {
    assertOwn(account)
    const { state, all } = await services.db.read(async (tx) => ({
      state: await services.states.read(tx, account.id, 'ShareNotification'),
      all: await listNotifications(tx, account.id),
    }))
    const objects = all.map(([number, one]) => shareNotificationObject(number, one))
    const wanted = objects.filter((one) => ids === null || ids.includes(one['id'] as string))
    const list = wanted.map((one) =>
      Object.fromEntries(Object.entries(one).filter(([name]) => properties.has(name))),
    )
    return { state: account.stateOf(state), list }
  },
})
