/** urn:postern:jmap: the objects of the management, for who may manage any. */
import type { Access } from '#account/access.ts'
import type { Management } from '#registry/management.ts'
import type { Capability } from '../capability.ts'
import { type ManagedElsewhere, managementUrn } from '../managed.ts'
import { managementGet } from '../methods/management-get.ts'
import { managementQuery } from '../methods/management-query.ts'
import { managementSet } from '../methods/management-set.ts'
import type { JsonObject } from '../value.ts'

export const managementCapability = (management: Management): Capability => ({
  urn: managementUrn,
  methods: management.objects.flatMap((object) => [
    managementGet(management, object),
    managementSet(management, object),
    ...(object.kind === 'singleton' ? [] : [managementQuery(management, object)]),
  ]),
  session: () => ({}),
  account: (_services, { isPersonal }, access) => (isPersonal ? objectsFor(management, access) : undefined),
})

/** On a worker that has the session only, and asks another one for the rest. */
export const managementElsewhere = (elsewhere: ManagedElsewhere): Capability => ({
  urn: managementUrn,
  methods: [],
  session: () => ({}),
  account: (_services, { isPersonal }, access) => (isPersonal ? elsewhere.objects(access) : undefined),
})

/** What one may do with which object. */
export function objectsFor(management: Management, access: Access): JsonObject {
  const actor = { ...access, ip: '', protocol: 'jmap' }
  const objects = management.objects
    .map(
      ({ name }) =>
        [name, management.verbsOf(name).filter((verb) => management.mayUse(name, verb, actor))] as const,
    )
    .filter(([, verbs]) => verbs.length > 0)
  return { objects: Object.fromEntries(objects) }
}
