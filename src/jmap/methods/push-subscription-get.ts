/**
 * PushSubscription/get (RFC 8620 §7.2.1): those that were made with the credential that is signed in with, of no
 * account. What must always hold: neither `url` nor `keys` is ever returned.
 */
import { listPushSubscriptions, type PushSubscriptionRow } from '#account/push-subscription.ts'
import { MethodError } from '../errors.ts'
import { method } from '../method.ts'
import { type Json, type JsonObject, listOf, nullable, string, utcSecondOf, wantedId } from '../value.ts'
import { idsOf, inOrder, tooMany } from '../standard-get.ts'
import { jmapSettings } from '../settings.ts'

const shown = {
  deviceClientId: ({ deviceClientId }) => deviceClientId,
  // It says that the client gave it back; before, nobody may learn it here.
  verificationCode: ({ isVerified, code }) => (isVerified ? code : null),
  expires: ({ expiresAt }) => utcSecondOf(expiresAt),
  types: ({ types }) => types,
} as const satisfies Record<string, (row: PushSubscriptionRow) => Json>

const hidden = ['url', 'keys']

export const pushSubscriptionId = (id: string): string => `P${id}`

export const pushSubscriptionGet = method({
  name: 'PushSubscription/get',
  using: 'urn:ietf:params:jmap:core',
  standard: 'RFC 8620 §7.2.1',
  permission: 'jmapPushSubscriptionGet',
  arguments: { ids: nullable(listOf(wantedId)), properties: nullable(listOf(string)) },
  required: [],
  async call(call, { ids = null, properties = null }) {
    const { db, clock, settings } = call.services
    const limit = settings.get(jmapSettings).getMaxResults
    const wanted = idsOf(call, ids, limit)
    const names = propertiesOf(properties)
    const rows = await db.read((tx) => listPushSubscriptions(tx, call.access, clock.now()))
    const list: JsonObject[] = []
    for (const [id, row] of rows) {
      const text = pushSubscriptionId(id)
      if (wanted !== null && !wanted.includes(text)) continue
      const properties = names.map((name) => [name, shown[name](row)] as const)
      list.push({ id: text, ...Object.fromEntries(properties) })
    }
    if (list.length > limit) throw tooMany(limit)
    return [{ arguments: inOrder(list, ids, call) }]
  },
})

type Shown = keyof typeof shown

function propertiesOf(given: readonly string[] | null): readonly Shown[] {
  if (given === null) return Object.keys(shown) as Shown[]
  if (given.some((name) => hidden.includes(name)))
    throw new MethodError('forbidden', '"url" and "keys" are not returned.')
  const names = [...new Set(given)].filter((name) => name !== 'id')
  const unknown = names.find((name) => !Object.hasOwn(shown, name))
  if (unknown !== undefined)
    throw new MethodError(
      'invalidArguments',
      `There is no property ${JSON.stringify(unknown.slice(0, 200))}.`,
      {
        arguments: ['properties'],
      },
    )
  return names as Shown[]
}
