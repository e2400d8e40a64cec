/** Quota/get (RFC 9425 §4.2). */
import { quotaCapability, quotaObject, quotaProperties, stateOfQuotas, visibleQuotas } from '../quota.ts'
import { standardGet } from '../standard-get.ts'
import type { JsonObject } from '../value.ts'

export const quotaGet = standardGet({
  type: 'Quota',
  using: quotaCapability,
  standard: 'RFC 9425 §4.2',
  permission: 'jmapQuotaGet',
  properties: quotaProperties,
  async read(call, account, { ids, properties }) {
    const quotas = await visibleQuotas(call, account)
    const list = quotas
      .filter(({ kind }) => ids === null || ids.includes(kind.id))
      .map((quota) => only(quotaObject(quota), properties))
    return { state: stateOfQuotas(quotas), list }
  },
})

const only = (object: JsonObject, properties: ReadonlySet<string>): JsonObject =>
  Object.fromEntries(Object.entries(object).filter(([name]) => properties.has(name)))
