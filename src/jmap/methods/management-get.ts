/** x:<Object>/get: managed objects, as the REST API shows them (RFC 8620 §5.1). */
import type { ManagedObject } from '#registry/managed-object.ts'
import type { Management } from '#registry/management.ts'
import { managedState, managedType, managementUrn, scopeOf } from '../managed.ts'
import type { JmapMethod } from '../method.ts'
import { standardGet } from '../standard-get.ts'
import type { Json, JsonObject } from '../value.ts'

export const managementGet = (management: Management, object: ManagedObject): JmapMethod =>
  standardGet({
    type: managedType(object),
    using: managementUrn,
    standard: 'RFC 8620 §5.1',
    properties: ['id', ...Object.keys(object.fields), 'revision'],
    async read(call, account, { ids, properties, limit }) {
      const scope = scopeOf(call, account)
      const state = await managedState(call, object)
      const wanted = ids ?? (await allIds(management, object, { scope, limit: limit + 1 }))
      const found = await management.getMany(object.name, wanted, scope)
      const list = found.map(({ id, values, revision }) => only({ id, ...values, revision }, properties))
      return { state, list }
    },
  })

async function allIds(
  management: Management,
  { name, kind }: ManagedObject,
  { scope, limit }: { scope: Parameters<Management['query']>[2]; limit: number },
): Promise<readonly string[]> {
  if (kind === 'singleton') return ['singleton']
  return (await management.query(name, { filter: {}, position: 0, limit }, scope)).ids
}

function only(all: Readonly<Record<string, unknown>>, properties: ReadonlySet<string>): JsonObject {
  const object: Record<string, Json> = {}
  for (const name of properties) object[name] = (all[name] ?? null) as Json
  return object
}
