/** Principal/query (RFC 9670 §2.4). */
import { findPrincipals, principalConditions } from '../principal-query.ts'
import { principalsCapability, seenPrincipals } from '../principals.ts'
import { standardQuery } from '../standard-query.ts'

export const principalQuery = standardQuery({
  type: 'Principal',
  using: principalsCapability,
  standard: 'RFC 9670 §2.4',
  permission: 'jmapPrincipalQuery',
  conditions: principalConditions,
  sorts: [],
  async run(call, account, { filter }) {
    const { state, list } = await seenPrincipals(call, account)
    const ids = findPrincipals(list, filter)
    return {
      queryState: state,
      canCalculateChanges: false,
      total: ids.length,
      slice: (from, to) => ids.slice(from, to),
      indexOf: (id) => ids.indexOf(id),
    }
  },
})
