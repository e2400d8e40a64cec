/** Quota/queryChanges (RFC 9425 §4.5): the state says the quotas as they were, so the old result is found again. */
import { quotaCapability, quotasOfState, stateOfQuotas, visibleQuotas } from '../quota.ts'
import { findQuotas, quotaConditions, quotaSorts } from '../quota-query.ts'
import { cannotCalculate } from '../standard-changes.ts'
import { standardQueryChanges } from '../standard-query-changes.ts'

export const quotaQueryChanges = standardQueryChanges({
  type: 'Quota',
  using: quotaCapability,
  standard: 'RFC 9425 §4.5',
  permission: 'jmapQuotaQueryChanges',
  conditions: quotaConditions,
  sorts: quotaSorts,
  async run(call, account, { filter, sort, sinceQueryState }) {
    const quotas = quotasOfState(sinceQueryState)
    if (quotas === undefined) throw cannotCalculate()
    const current = await visibleQuotas(call, account)
    const before = findQuotas(quotas, filter, sort)
    const now = findQuotas(current, filter, sort)
    // RFC 8620 §5.6: what stays where it is among those that stay is not told.
    const isSame = before.length === now.length && before.every((id, i) => id === now[i])
    return {
      newQueryState: stateOfQuotas(current),
      total: now.length,
      removed: isSame ? [] : before,
      added: isSame ? [] : now.map((id, index) => ({ id, index })),
    }
  },
})
