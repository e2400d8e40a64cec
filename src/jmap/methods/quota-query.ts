/** Quota/query (RFC 9425 §4.4). */
import { quotaCapability, stateOfQuotas, visibleQuotas } from '../quota.ts'
import { findQuotas, quotaConditions, quotaSorts } from '../quota-query.ts'
import { standardQuery } from '../standard-query.ts'

export const quotaQuery = standardQuery({
  type: 'Quota',
  using: quotaCapability,
  standard: 'RFC 9425 §4.4',
  permission: 'jmapQuotaQuery',
  conditions: quotaConditions,
  sorts: quotaSorts,
  async run(call, account, { filter, sort }) {
    const quotas = await visibleQuotas(call, account)
    const ids = findQuotas(quotas, filter, sort)
    return {
      queryState: stateOfQuotas(quotas),
      canCalculateChanges: true,
      total: ids.length,
      slice: (from, to) => ids.slice(from, to),
      indexOf: (id) => ids.indexOf(id),
    }
  },
})
