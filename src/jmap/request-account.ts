/** What routes beside that of requests ask first: whether the user may, and which account is meant. */
import type { Access } from '#account/access.ts'
import type { Permission } from '#account/permission.ts'
import { Fault } from '#base/fault.ts'
import { type OpenAccount, openAccount } from './accounts.ts'
import { MethodError } from './errors.ts'
import type { JmapServices } from './services.ts'

/** Throws Fault `forbidden` and `notFound`. */
export async function requestAccount(
  services: Pick<JmapServices, 'db' | 'principals'>,
  access: Access,
  accountId: string,
  permission: Permission,
): Promise<OpenAccount> {
  if (!access.permissions.has(permission))
    throw new Fault('forbidden', `This needs the permission ${permission}.`, { what: permission })
  try {
    return await openAccount(services, access, accountId)
  } catch (error) {
    if (!(error instanceof MethodError)) throw error
    throw new Fault('notFound', 'There is no such account.', { what: 'account' })
  }
}
