/** Principal/set (RFC 9670 §2.3): accounts are managed elsewhere, so every change is refused. */
import { MethodError } from '../errors.ts'
import { accountField, method } from '../method.ts'
import { principalsCapability, seenPrincipals } from '../principals.ts'
import { jmapSettings } from '../settings.ts'
import { anything, type JsonObject, listOf, mapOf, nullable, string, wantedId } from '../value.ts'
import { objectOf } from '../dispatch.ts'

const objects = nullable(mapOf(string, anything))

export const principalSet = method({
  name: 'Principal/set',
  using: principalsCapability,
  standard: 'RFC 9670 §2.3',
  permission: 'jmapPrincipalSet',
  arguments: {
    ...accountField,
    ifInState: nullable(string),
    create: objects,
    update: objects,
    destroy: nullable(listOf(wantedId)),
  },
  required: ['accountId'],
  async call(call, { accountId, ifInState, create, update, destroy }) {
    const account = await call.account(accountId!)
    const most = call.services.settings.get(jmapSettings).setMaxObjects
    if ((create?.size ?? 0) + (update?.size ?? 0) + (destroy?.length ?? 0) > most)
      throw new MethodError('requestTooLarge', `At most ${most} objects can be changed in one call.`)
    const { state, list } = await seenPrincipals(call, account)
    if (ifInState !== undefined && ifInState !== null && ifInState !== state)
      throw new MethodError('stateMismatch')
    const there = new Set(list.map(({ id }) => id))
    const refused = (ids: Iterable<string>, isNew: boolean): JsonObject | null => {
      const errors = Array.from(new Set(ids), (id): readonly [string, JsonObject] => [
        id,
        { type: isNew || there.has(call.resolve(id) ?? id) ? 'forbidden' : 'notFound' },
      ])
      return errors.length === 0 ? null : objectOf(errors)
    }
    return [
      {
        arguments: {
          accountId: account.text,
          oldState: state,
          newState: state,
          created: null,
          updated: null,
          destroyed: null,
          notCreated: refused(create?.keys() ?? [], true),
          notUpdated: refused(update?.keys() ?? [], false),
          notDestroyed: refused(destroy ?? [], false),
        },
      },
    ]
  },
})
