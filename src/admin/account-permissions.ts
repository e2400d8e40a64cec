/** `/api/account-permissions/:name`: what an account may do, each permission with what gives it or takes it away. */
import { type EffectivePermission, rolesOf } from '#account/role.ts'
import { readAccountId, type StoredAccount } from '#account/stored-account.ts'
import { Fault } from '#base/fault.ts'
import type { AccountId } from '#base/id.ts'
import type { ApiRoute } from './route.ts'

export interface PermissionOptions {
  readonly accounts: {
    byName(name: string): Promise<StoredAccount | undefined>
    get(id: AccountId): Promise<StoredAccount | undefined>
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
    const name = c.req.param('name')!
    const id = readAccountId(name)
    const account = id === undefined ? await accounts.byName(name) : await accounts.get(id)
    if (account === undefined) throw new Fault('notFound', 'There is no such account.', { what: 'account' })
    const data: ShownPermissions = {
      id: String(account.id),
      name: account.name,
      roles: rolesOf(account),
      permissions: await accounts.explain(account),
    }
    return c.json({ data })
  },
})
