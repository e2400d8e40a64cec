/** urn:postern:jmap: the objects of the management, for who may manage any. */
import type { Management } from '#registry/management.ts'
import type { Capability } from '../capability.ts'
import { managementUrn } from '../managed.ts'
import { managementGet } from '../methods/management-get.ts'
import { managementQuery } from '../methods/management-query.ts'
import { managementSet } from '../methods/management-set.ts'

export const managementCapability = (management: Management): Capability => ({
  urn: managementUrn,
  methods: management.objects.flatMap((object) => [
    managementGet(management, object),
    managementSet(management, object),
    ...(object.kind === 'singleton' ? [] : [managementQuery(management, object)]),
  ]),
  session: () => ({}),
  /** What one may do with which object. */
  account(_services, { isPersonal }, access) {
    if (!isPersonal) return undefined
    const actor = { ...access, ip: '', protocol: 'jmap' }
    const objects = management.objects
      .map(
        ({ name }) =>
          [name, management.verbsOf(name).filter((verb) => management.mayUse(name, verb, actor))] as const,
      )
      .filter(([, verbs]) => verbs.length > 0)
    return { objects: Object.fromEntries(objects) }
  },
})
