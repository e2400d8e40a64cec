/**
 * Nobody gives away what they have not: whoever manages accounts and roles without being allowed everything
 * cannot make somebody who may do more, nor change anything about one who may.
 */
import { Fault } from '#base/fault.ts'
import type { ReadTx } from '#kv/tx.ts'
import type { Actor } from '#registry/managed-object.ts'
import { effectivePermissions } from '../role.ts'
import type { AccountRow } from '../tables.ts'

/** Throws Fault `forbidden` where an account with this row may do something that the actor may not. */
export async function assertNotAbove(
  tx: Pick<ReadTx, 'get'>,
  actor: Actor,
  row: Pick<AccountRow, 'type' | 'roles' | 'permissions'>,
): Promise<void> {
  assertHas(actor, await effectivePermissions(tx, row))
}

export function assertHas(actor: Actor, permissions: Iterable<string>): void {
  for (const permission of permissions) {
    if (actor.permissions.has(permission)) continue
    throw new Fault(
      'forbidden',
      `This is about the permission ${permission}, which you do not have yourself.`,
      { what: 'permission' },
    )
  }
}
