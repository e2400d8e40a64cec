/** x:<Object>/query: the filters of the object, in the order in which people look for them (RFC 8620 §5.5). */
import type { ManagedObject } from '#registry/managed-object.ts'
import type { Management } from '#registry/management.ts'
import { MethodError } from '../errors.ts'
import { managedState, managedType, managementUrn, scopeOf } from '../managed.ts'
import type { JmapMethod } from '../method.ts'
import { standardQuery } from '../standard-query.ts'
import { anything } from '../value.ts'

/** Where the place depends on the whole result. */
const mostForAnchor = 10_000

export const managementQuery = (management: Management, object: ManagedObject): JmapMethod =>
  standardQuery({
    type: managedType(object),
    using: managementUrn,
    standard: 'RFC 8620 §5.5',
    conditions: Object.fromEntries(Object.keys(object.filters).map((name) => [name, anything])),
    sorts: [],
    async run(call, account, { filter, window }) {
      if (filter !== undefined && 'operator' in filter)
        throw new MethodError('unsupportedFilter', 'Conditions of managed objects cannot be put together.')
      const from = window.position ?? 0
      const limit = window.position === undefined ? mostForAnchor : window.limit
      const asked = { filter: filter?.condition ?? {}, position: from, limit }
      const { ids, total } = await management.query(object.name, asked, scopeOf(call, account))
      return {
        queryState: await managedState(call, object),
        canCalculateChanges: false,
        total,
        slice: (start, end) => ids.slice(start - from, end - from),
        indexOf: (id) => (ids.includes(id) ? ids.indexOf(id) + from : -1),
      }
    },
  })
