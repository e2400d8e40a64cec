/** Which quotas a query finds, and in which order (RFC 9425 §4.4): for Quota/query and Quota/queryChanges. */
import { type Filter, filterTest } from './filter.ts'
import type { Comparator } from './sort.ts'
import type { Quota, Quotas } from './quota.ts'
import { type ReadFields, string } from './value.ts'

export const quotaConditions = { name: string, scope: string, resourceType: string, type: string } as const
export const quotaSorts = ['name', 'used'] as const

export type QuotaFilter = Filter<ReadFields<typeof quotaConditions>>

/** The ids. */
export const findQuotas = (
  quotas: Quotas,
  filter: QuotaFilter | undefined,
  sort: readonly Comparator<unknown>[],
): readonly string[] =>
  quotas
    .filter(filterTest(filter, (condition) => (quota) => meets(quota, condition)))
    .toSorted((a, b) => compare(a, b, sort))
    .map(({ kind }) => kind.id)

function meets({ kind }: Quota, condition: ReadFields<typeof quotaConditions>): boolean {
  const { name, scope, resourceType, type } = condition
  return (
    (name === undefined || kind.name.includes(name)) &&
    (scope === undefined || scope === 'account') &&
    (resourceType === undefined || resourceType === kind.resourceType) &&
    (type === undefined || kind.types.includes(type))
  )
}

/** Names are ASCII, and differ under every collation. */
function compare(a: Quota, b: Quota, sort: readonly Comparator<unknown>[]): number {
  for (const { property, isAscending } of sort) {
    const order = property === 'used' ? a.used - b.used : a.kind.name < b.kind.name ? -1 : a === b ? 0 : 1
    if (order !== 0) return isAscending ? order : -order
  }
  return 0
}
