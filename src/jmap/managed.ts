/**
 * The objects of the management over JMAP: `x:<Object>/get`, `/set` and `/query` under `urn:postern:jmap`, made of
 * the same declarations as the REST API, with the same permissions, the same rules and the same audit log.
 *
 * Objects of everybody's own (`ofAccount`) are those of the account that is named; all others are the server's, and
 * are reached through the own account.
 */
import type { Access } from '#account/access.ts'
import { stateOf } from '#kv/change-log.ts'
import { auditState } from '#registry/audit.ts'
import type { ManagedObject, Scope } from '#registry/managed-object.ts'
import type { Modseq } from '#base/id.ts'
import type { OpenAccount } from './accounts.ts'
import { MethodError } from './errors.ts'
import type { Call } from './method.ts'
import type { Asker, JmapRequest } from './request.ts'
import type { JsonObject } from './value.ts'

export const managementUrn = 'urn:postern:jmap'

const prefix = 'x:'

export const managedType = ({ name }: Pick<ManagedObject, 'name'>): string => prefix + name

/** Whether a method is one of the management, if it is one at all. */
export const isManaged = (method: string): boolean => method.startsWith(prefix)

/** The management, where another worker has it. */
export interface ManagedElsewhere {
  /** A whole request. Throws RequestProblem. */
  run(asker: Asker, request: JmapRequest): Promise<JsonObject>
  /** What somebody may do with which object, as the session tells it. */
  objects(access: Access): Promise<JsonObject>
}

/** Whose objects are meant. Throws MethodError `accountNotSupportedByMethod`. */
export function scopeOf(call: Call, account: OpenAccount): Scope {
  if (!account.isOwn)
    throw new MethodError('accountNotSupportedByMethod', 'Objects are managed through the own account.')
  const { access, ip } = call
  const { account: id, name, permissions, credential, by } = access
  return { actor: { account: id, name, permissions, credential, by, ip, protocol: 'jmap' }, account: id }
}

/**
 * The last entry of the audit log: whatever people change, changes it. What the server itself changes has no
 * state that anybody could know, so that of records is a new one each time.
 */
export async function managedState(call: Call, { kind }: ManagedObject): Promise<string> {
  const { db, clock } = call.services
  const [at, nonce] = await db.read((tx) => auditState(tx))
  const state = `${stateOf(at as Modseq)}-${nonce}`
  return kind === 'record' ? `${state}-${stateOf(clock.now() as Modseq)}` : state
}
