/** `/api/account-permissions/:name`: what an account may do, each permission with what gives it or takes it away. */
import { type EffectivePermission, rolesOf } from '#account/role.ts'
import type { StoredAccount } from '#account/stored-account.ts'
import { type AccountLookup, namedAccount } from './named-account.ts'
import type { ApiRoute } from './route.ts'

export interface PermissionOptions {
  readonly accounts: AccountLookup & {
    explain(account: StoredAccount): Promise<readonly EffectivePermission[]>
  }
}

export interface ShownPermissions {
  readonly id: string
  readonly name: string
  readonly roles: readonly string[]
  readonly permissions: readonly EffectivePermission[]
}

export const accountPermissionsRoute = ({ accounts }: PermissionOptions): ApiRoute => ({
  method: 'GET',
  path: '/api/account-permissions/:name',
  tag: 'Account',
  summary: 'What an account may do, each permission with what gives it or takes it away',
  permissions: ['sysAccountGet'],
  handle: async (c) => {
    const account = await namedAccount(accounts, c.req.param('name')!)
    const data: ShownPermissions = {
      id: String(account.id),
      name: account.name,
      roles: rolesOf(account),
      permissions: await accounts.explain(account),
    }
    return c.json({ data })
  },
})
