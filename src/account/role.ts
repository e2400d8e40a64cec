/**
 * Roles, and what an account may do because of them. Roles nest; each enables and disables permissions.
 *
 * What must always hold: a permission that is disabled anywhere on the way, in a role, in a role of a role or
 * at the account, is not granted, whatever enables it; a role that contains itself counts once; a role that
 * is gone grants nothing. The same walk yields the set that is checked and the origins that are explained.
 */
import type { ReadTx } from '#kv/tx.ts'
import { allPermissions, builtInRoles, isPermission, type Permission } from './permission.ts'
import {
  type AccountPermissions,
  type AccountRow,
  inheritedPermissions,
  type RoleRow,
  roleTable,
} from './tables.ts'

/** Where a permission comes from, or what takes it away. */
interface PermissionOrigin {
  readonly effect: 'enables' | 'disables'
  /** For people: `role admin`, `role helpdesk in role support`, `the account itself`. */
  readonly by: string
}

export interface EffectivePermission {
  readonly permission: Permission
  readonly granted: boolean
  readonly origins: readonly PermissionOrigin[]
}

/** Roles of roles deeper than this grant nothing. */
const maxDepth = 16

/** The roles of an account that names none. */
const defaultRoles = (row: Pick<AccountRow, 'type'>): readonly string[] => [row.type]

export const rolesOf = (row: Pick<AccountRow, 'type' | 'roles'>): readonly string[] =>
  row.roles.length === 0 ? defaultRoles(row) : row.roles

/** Reads a role, built in or created. Undefined where there is none of that name. */
export async function readRole(tx: Pick<ReadTx, 'get'>, name: string): Promise<RoleRow | undefined> {
  const builtIn = builtInRoles.get(name)
  if (builtIn !== undefined) return { ...builtIn, disabled: [], roles: [] }
  return tx.get(roleTable, name)
}

class Collector {
  readonly enabled = new Map<string, string[]>()
  readonly disabled = new Map<string, string[]>()
  readonly #tx: Pick<ReadTx, 'get'>
  readonly #seen = new Set<string>()

  constructor(tx: Pick<ReadTx, 'get'>) {
    this.#tx = tx
  }

  /** `below` names the roles that led here, outermost last. */
  async addRole(name: string, below = '', depth = 0): Promise<void> {
    if (depth > maxDepth || this.#seen.has(name)) return
    this.#seen.add(name)
    const role = await readRole(this.#tx, name)
    if (role === undefined) return
    const origin = `role ${name}${below}`
    this.addSets(role, origin)
    for (const inner of role.roles) await this.addRole(inner, ` in ${origin}`, depth + 1)
  }

  addSets(
    { enabled, disabled }: { readonly enabled: readonly string[]; readonly disabled: readonly string[] },
    origin: string,
  ): void {
    for (const one of enabled) note(this.enabled, one, origin)
    for (const one of disabled) note(this.disabled, one, origin)
  }
}

const note = (map: Map<string, string[]>, permission: string, origin: string): void => {
  const origins = map.get(permission)
  if (origins === undefined) map.set(permission, [origin])
  else origins.push(origin)
}

const ownName = 'the account itself'

async function collect(
  tx: Pick<ReadTx, 'get'>,
  roles: readonly string[],
  own: AccountPermissions,
): Promise<Collector> {
  const found = new Collector(tx)
  for (const role of roles) await found.addRole(role)
  // `replace` keeps nothing that roles enable, but what they disable stays disabled.
  if (own.mode === 'replace') found.enabled.clear()
  found.addSets({ enabled: own.mode === 'inherit' ? [] : own.enabled, disabled: own.disabled }, ownName)
  return found
}

/** What an account may do. */
export async function effectivePermissions(
  tx: Pick<ReadTx, 'get'>,
  row: Pick<AccountRow, 'type' | 'roles' | 'permissions'>,
): Promise<ReadonlySet<Permission>> {
  const { enabled, disabled } = await collect(tx, rolesOf(row), row.permissions)
  const granted = new Set<Permission>()
  for (const one of enabled.keys()) if (isPermission(one) && !disabled.has(one)) granted.add(one)
  return granted
}

/** What a role takes from whoever holds it, by itself or by the roles in it. */
export async function disabledBy(tx: Pick<ReadTx, 'get'>, role: string): Promise<Iterable<string>> {
  const { disabled } = await collect(tx, [role], inheritedPermissions)
  return disabled.keys()
}

/** Every permission of the catalogue with what grants it or takes it away. */
export async function explainPermissions(
  tx: Pick<ReadTx, 'get'>,
  row: Pick<AccountRow, 'type' | 'roles' | 'permissions'>,
): Promise<readonly EffectivePermission[]> {
  const { enabled, disabled } = await collect(tx, rolesOf(row), row.permissions)
  return allPermissions.map((permission) => {
    const on = (enabled.get(permission) ?? []).map((by) => ({ effect: 'enables', by }) as const)
    const off = (disabled.get(permission) ?? []).map((by) => ({ effect: 'disables', by }) as const)
    return { permission, granted: on.length > 0 && off.length === 0, origins: [...on, ...off] }
  })
}
