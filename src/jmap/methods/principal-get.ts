/** Principal/get (RFC 9670 §2.1). */
import { principalObject, principalProperties, principalsCapability, seenPrincipals } from '../principals.ts'
import { standardGet } from '../standard-get.ts'

export const principalGet = standardGet({
  type: 'Principal',
  using: principalsCapability,
  standard: 'RFC 9670 §2.1',
  permission: 'jmapPrincipalGet',
  properties: principalProperties,
  async read(call, account, { ids, properties, limit }) {
    const { state, list } = await seenPrincipals(call, account)
    const asked = ids === null ? undefined : new Set(ids)
    const wanted = list.filter(({ id }) => asked === undefined || asked.has(id)).slice(0, limit + 1)
    return { state, list: await Promise.all(wanted.map((one) => principalObject(call, one, properties))) }
  },
})
