/**
 * Foo/query (RFC 8620 §5.5), of what is particular to a type: filters and sorts are read to the letter, and of the
 * whole result the window that was asked for is told.
 */
import type { Permission } from '#account/permission.ts'
import type { OpenAccount } from './accounts.ts'
import { MethodError } from './errors.ts'
import { type Filter, readFilter } from './filter.ts'
import { accountField, type Call, type JmapMethod, method } from './method.ts'
import { jmapSettings } from './settings.ts'
import { type Comparator, readSort } from './sort.ts'
import {
  anything,
  boolean,
  type Fields,
  int,
  listOf,
  nullable,
  type ReadFields,
  string,
  unsignedInt,
} from './value.ts'

export interface QueryType<F extends Fields, C extends Fields, S extends Fields> {
  readonly type: string
  readonly using: string
  readonly standard: string
  readonly permission?: Permission
  /** The conditions of a filter. */
  readonly conditions: C
  /** The properties that can be sorted by. */
  readonly sorts: readonly string[]
  /** What a comparator may say besides (RFC 8621 §4.4.2: keyword). */
  readonly sortFields?: S
  /** Arguments besides those of every /query. */
  readonly more?: F
  run(call: Call, account: OpenAccount, asked: Query<C, S>, args: ReadFields<F>): Promise<QueryResult>
}

export interface Query<C extends Fields, S extends Fields> {
  readonly filter: Filter<ReadFields<C>> | undefined
  readonly sort: readonly Comparator<ReadFields<S>>[]
  /** The part of the result that will be told, where it is known beforehand; the total is wanted too or not. */
  readonly window: QueryWindow
}

export interface QueryWindow {
  /** From the beginning; undefined where the place depends on the whole result. */
  readonly position: number | undefined
  readonly limit: number
  readonly needsTotal: boolean
}

/** The whole result in its order, or, where `window.position` is known and no total is wanted, the window's part. */
interface QueryResult {
  readonly queryState: string
  readonly canCalculateChanges: boolean
  /** All of it, where that is known. */
  readonly total: number | undefined
  /** Ids of these places; those that lie behind the end are left out. */
  slice(from: number, to: number): readonly string[]
  /** -1 where it is not in the result. */
  indexOf(id: string): number
}

const queryFields = {
  ...accountField,
  filter: anything,
  sort: nullable(listOf(anything)),
  position: int,
  anchor: nullable(string),
  anchorOffset: int,
  limit: nullable(unsignedInt),
  calculateTotal: boolean,
} as const

export function standardQuery<
  const F extends Fields = Fields,
  const C extends Fields = Fields,
  const S extends Fields = Fields,
>(of: QueryType<F, C, S>): JmapMethod {
  const { type, using, standard, permission } = of
  const fields = { ...queryFields, ...of.more }
  return method({
    name: `${type}/query`,
    using,
    standard,
    ...(permission === undefined ? {} : { permission }),
    arguments: fields,
    required: ['accountId'],
    async call(call, args) {
      const account = await call.account(args.accountId!)
      const most = call.services.settings.get(jmapSettings).queryMaxResults
      const limit = Math.min(args.limit ?? most, most)
      const { position = 0, anchor = null, anchorOffset = 0, calculateTotal = false } = args
      const isPlain = anchor === null && position >= 0
      const query = {
        filter: readFilter(args.filter, of.conditions),
        sort: readSort(args.sort ?? [], of.sorts, of.sortFields),
        window: { position: isPlain ? position : undefined, limit, needsTotal: calculateTotal || !isPlain },
      }
      const found = await of.run(call, account, query, args as ReadFields<F>)
      const anchorId = anchor === null ? undefined : (call.resolve(anchor) ?? anchor)
      const first = isPlain ? position : placeOf(found, anchorId, { position, anchorOffset })
      const { queryState, canCalculateChanges } = found
      const told = {
        accountId: account.text,
        queryState,
        canCalculateChanges,
        position: first,
        ids: found.slice(first, first + limit),
        ...(calculateTotal ? { total: found.total! } : {}),
        // RFC 8620 §5.5: where the server's own limit holds.
        ...(args.limit === limit ? {} : { limit }),
      }
      return [{ arguments: told }]
    },
  })
}

/** RFC 8620 §5.5: from an anchor, or from the end; never before the beginning. */
function placeOf(
  found: QueryResult,
  anchor: string | undefined,
  { position, anchorOffset }: { position: number; anchorOffset: number },
): number {
  if (anchor === undefined) return Math.max(0, found.total! + position)
  const at = found.indexOf(anchor)
  if (at === -1) throw new MethodError('anchorNotFound')
  return Math.max(0, at + anchorOffset)
}
