/** Principal/queryChanges (RFC 9670 §2.5): whether there are any is known, and not which. */
import { findPrincipals, principalConditions } from '../principal-query.ts'
import { principalsCapability, seenPrincipals } from '../principals.ts'
import { cannotCalculate } from '../standard-changes.ts'
import { standardQueryChanges } from '../standard-query-changes.ts'

export const principalQueryChanges = standardQueryChanges({
  type: 'Principal',
  using: principalsCapability,
  standard: 'RFC 9670 §2.5',
  permission: 'jmapPrincipalQueryChanges',
  conditions: principalConditions,
  sorts: [],
  async run(call, account, { filter, sinceQueryState }) {
    const { state, list } = await seenPrincipals(call, account)
    if (state !== sinceQueryState) throw cannotCalculate()
    return { newQueryState: state, total: findPrincipals(list, filter).length, removed: [], added: [] }
  },
})
