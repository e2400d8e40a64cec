/** Quota/queryChanges (RFC 9425 §4.5): the state says the quotas as they were, so the old result is found again. */
import { MethodError } from '../errors.ts'
import { readFilter } from '../filter.ts'
import { accountField, method } from '../method.ts'
import { quotaCapability, quotasOfState, stateOfQuotas, visibleQuotas } from '../quota.ts'
import { findQuotas, quotaConditions, quotaSorts } from '../quota-query.ts'
import { readSort } from '../sort.ts'
import { anything, boolean, listOf, nullable, positiveInt, string } from '../value.ts'

export const quotaQueryChanges = method({
  name: 'Quota/queryChanges',
  using: quotaCapability,
  standard: 'RFC 9425 §4.5',
  permission: 'jmapQuotaQueryChanges',
  arguments: {
    ...accountField,
    filter: anything,
    sort: nullable(listOf(anything)),
    sinceQueryState: string,
    maxChanges: nullable(positiveInt),
    upToId: nullable(string),
    calculateTotal: boolean,
  },
  required: ['accountId', 'sinceQueryState'],
  async call(call, args) {
    const account = await call.account(args.accountId!)
    const filter = readFilter(args.filter, quotaConditions)
    const sort = readSort(args.sort ?? [], quotaSorts)
    const quotas = quotasOfState(args.sinceQueryState!)
    if (quotas === undefined) throw new MethodError('cannotCalculateChanges', 'That state is not known here.')
    const current = await visibleQuotas(call, account)
    const before = findQuotas(quotas, filter, sort)
    const now = findQuotas(current, filter, sort)
    // RFC 8620 §5.6: what stays where it is among those that stay is not told.
    const isSame = before.length === now.length && before.every((id, i) => id === now[i])
    const removed = isSame ? [] : before
    const added = isSame ? [] : now.map((id, index) => ({ id, index }))
    const { maxChanges, calculateTotal = false } = args
    if (maxChanges !== null && maxChanges !== undefined && removed.length + added.length > maxChanges)
      throw new MethodError('tooManyChanges')
    return [
      {
        arguments: {
          accountId: account.text,
          oldQueryState: args.sinceQueryState!,
          newQueryState: stateOfQuotas(current),
          ...(calculateTotal ? { total: now.length } : {}),
          removed,
          added,
        },
      },
    ]
  },
})
