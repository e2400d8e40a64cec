/**
 * Foo/queryChanges (RFC 8620 §5.6), of what is particular to a type. Filters and sorts are read as those of its
 * query are.
 */
import type { Permission } from '#account/permission.ts'
import type { OpenAccount } from './accounts.ts'
import { MethodError } from './errors.ts'
import { readFilter } from './filter.ts'
import { accountField, type Call, type JmapMethod, method } from './method.ts'
import { readSort } from './sort.ts'
import type { Query, QueryType } from './standard-query.ts'
import {
  anything,
  boolean,
  type Fields,
  listOf,
  nullable,
  type ReadFields,
  string,
  unsignedInt,
} from './value.ts'

export interface QueryChangesType<F extends Fields, C extends Fields, S extends Fields> extends Pick<
  QueryType<F, C, S>,
  'type' | 'using' | 'conditions' | 'sorts' | 'sortFields' | 'more'
> {
  readonly standard: string
  readonly permission?: Permission
  /** Throws MethodError `cannotCalculateChanges`. */
  run(
    call: Call,
    account: OpenAccount,
    asked: Pick<Query<C, S>, 'filter' | 'sort'> & Since,
    args: ReadFields<F>,
  ): Promise<QueryChanges>
}

interface Since {
  readonly sinceQueryState: string
  readonly upToId: string | undefined
}

interface QueryChanges {
  readonly newQueryState: string
  readonly total: number
  readonly removed: readonly string[]
  /** By ascending index. */
  readonly added: readonly { readonly id: string; readonly index: number }[]
}

const changesFields = {
  ...accountField,
  filter: anything,
  sort: nullable(listOf(anything)),
  sinceQueryState: string,
  maxChanges: nullable(unsignedInt),
  upToId: nullable(string),
  calculateTotal: boolean,
} as const

export function standardQueryChanges<
  const F extends Fields = Fields,
  const C extends Fields = Fields,
  const S extends Fields = Fields,
>(of: QueryChangesType<F, C, S>): JmapMethod {
  const { type, using, standard, permission } = of
  return method({
    name: `${type}/queryChanges`,
    using,
    standard,
    ...(permission === undefined ? {} : { permission }),
    arguments: { ...changesFields, ...of.more },
    required: ['accountId', 'sinceQueryState'],
    async call(call, args) {
      const account = await call.account(args.accountId!)
      const { sinceQueryState, maxChanges = null, upToId = null, calculateTotal = false } = args
      const asked = {
        filter: readFilter(args.filter, of.conditions),
        sort: readSort(args.sort ?? [], of.sorts, of.sortFields),
        sinceQueryState: sinceQueryState!,
        upToId: upToId === null ? undefined : (call.resolve(upToId) ?? upToId),
      }
      const { newQueryState, total, removed, added } = await of.run(
        call,
        account,
        asked,
        args as ReadFields<F>,
      )
      if (maxChanges !== null && removed.length + added.length > maxChanges)
        throw new MethodError('tooManyChanges', `There are ${removed.length + added.length} changes.`)
      const told = {
        accountId: account.text,
        oldQueryState: sinceQueryState!,
        newQueryState,
        ...(calculateTotal ? { total } : {}),
        removed,
        added: added.map(({ id, index }) => ({ id, index })),
      }
      return [{ arguments: told }]
    },
  })
}
