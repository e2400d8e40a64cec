/** Principal/queryChanges (RFC 9670 §2.5): whether there are any is known, and not which. */
import { readFilter } from '../filter.ts'
import { accountField, method } from '../method.ts'
import { findPrincipals, principalConditions } from '../principal-query.ts'
import { principalsCapability, seenPrincipals } from '../principals.ts'
import { readSort } from '../sort.ts'
import { cannotCalculate } from '../standard-changes.ts'
import { anything, boolean, listOf, nullable, positiveInt, string } from '../value.ts'

export const principalQueryChanges = method({
  name: 'Principal/queryChanges',
  using: principalsCapability,
  standard: 'RFC 9670 §2.5',
  permission: 'jmapPrincipalQueryChanges',
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
    const filter = readFilter(args.filter, principalConditions)
    readSort(args.sort ?? [], [])
    const { state, list } = await seenPrincipals(call, account)
    if (state !== args.sinceQueryState) throw cannotCalculate()
    return [
      {
        arguments: {
          accountId: account.text,
          oldQueryState: state,
          newQueryState: state,
          ...(args.calculateTotal === true ? { total: findPrincipals(list, filter).length } : {}),
          removed: [],
          added: [],
        },
      },
    ]
  },
})
