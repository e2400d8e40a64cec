/** What can be done with roles. Those that exist from the start can be read and used, not changed. */
import { Fault, invalidProperties } from '#base/fault.ts'
import type { Db } from '#kv/db.ts'
import type { ReadTx, WriteTx } from '#kv/tx.ts'
import type {
  Actor,
  ObjectHandler,
  Plan,
  QueryRequest,
  QueryResult,
  Scope,
} from '#registry/managed-object.ts'
import { givenIn, type Values } from '#settings/values.ts'
import type { Accounts } from '../account.ts'
import { builtInRoles, type Permission } from '../permission.ts'
import { disabledBy, readRole } from '../role.ts'
import { type RoleRow, roleTable } from '../tables.ts'
import { assertHas, assertNotAbove } from './escalation.ts'
import { roleObject } from './role-object.ts'

const blank: RoleRow = { description: '', enabled: [], disabled: [], roles: [] }

export class RoleHandler implements ObjectHandler {
  readonly object = roleObject
  readonly #o: { db: Db; accounts: Accounts }

  constructor(o: { db: Db; accounts: Accounts }) {
    this.#o = o
  }

  async locate(_tx: ReadTx, key: string): Promise<string | undefined> {
    return key
  }

  async read(tx: ReadTx, name: string): Promise<Values | undefined> {
    if (name.includes('\0')) return undefined
    const row = await readRole(tx, name)
    return (
      row && {
        name,
        description: row.description,
        enabledPermissions: row.enabled,
        disabledPermissions: row.disabled,
        roles: row.roles,
      }
    )
  }

  async query({ filter, position, limit }: QueryRequest): Promise<QueryResult> {
    const needle = typeof filter['text'] === 'string' ? filter['text'].toLowerCase() : ''
    const rows = await this.#o.db.read((tx) => tx.list(roleTable, []))
    const all = [
      ...[...builtInRoles].map(([name, { description }]) => ({ name, description })),
      ...rows.map(([[name], { description }]) => ({ name, description })),
    ]
    const found = all.filter(({ name, description }) =>
      `${name}\n${description}`.toLowerCase().includes(needle),
    )
    return { ids: found.slice(position, position + limit).map(({ name }) => name), total: found.length }
  }

  async create(values: Values, { actor }: Scope): Promise<Plan> {
    const name = values['name'] as string
    const row = patchedRow(blank, values)
    return this.#plan(name, async (tx) => {
      if (builtInRoles.has(name) || (await tx.get(roleTable, name)) !== undefined)
        throw new Fault('exists', 'there is a role with this name already', { what: 'role' })
      await put(tx, name, row)
      await assertNotAbove(tx, actor, holder(name))
    })
  }

  async update(name: string, patch: Values, { actor }: Scope): Promise<Plan> {
    return this.#plan(name, async (tx) => {
      const before = await changeable(tx, name)
      await assertMayTouch(tx, actor, name, before)
      await put(tx, name, patchedRow(before, patch))
      await assertNotAbove(tx, actor, holder(name))
    })
  }

  async destroy(name: string, { actor }: Scope): Promise<Plan> {
    return this.#plan(name, async (tx) => {
      const before = await changeable(tx, name)
      await assertMayTouch(tx, actor, name, before)
      tx.delete(roleTable, [name])
    })
  }

  #plan(name: string, change: (tx: WriteTx) => Promise<void>): Plan {
    return {
      accounts: [],
      apply: async (tx) => {
        await change(tx)
        return name
      },
      committed: () => this.#o.accounts.forget(`role ${name}`),
    }
  }
}

/** An account that has this role alone. */
const holder = (role: string) =>
  ({ type: 'user', roles: [role], permissions: { mode: 'inherit', enabled: [], disabled: [] } }) as const

/** What a role takes away, also by the roles in it, it takes from whoever holds it: taking less is giving. */
async function assertMayTouch(tx: WriteTx, actor: Actor, name: string, { enabled }: RoleRow): Promise<void> {
  assertHas(actor, enabled)
  assertHas(actor, await disabledBy(tx, name))
}

async function changeable(tx: WriteTx, name: string): Promise<RoleRow> {
  if (builtInRoles.has(name))
    throw new Fault('forbidden', `The role ${name} stays as it is; create one of your own.`, { what: 'role' })
  const row = await tx.get(roleTable, name)
  if (row === undefined) throw new Fault('notFound', 'There is no such Role.', { what: 'role' })
  return row
}

async function put(tx: WriteTx, name: string, row: RoleRow): Promise<void> {
  for (const [i, role] of row.roles.entries()) {
    if (role === name || (await readRole(tx, role)) === undefined)
      throw invalidProperties([{ property: `roles/${i}`, problem: 'must be another role that exists' }])
  }
  tx.put(roleTable, [name], row)
}

function patchedRow(row: RoleRow, patch: Values): RoleRow {
  const given = givenIn(patch)
  return {
    description: given('description', row.description),
    enabled: given<readonly Permission[]>('enabledPermissions', row.enabled),
    disabled: given<readonly Permission[]>('disabledPermissions', row.disabled),
    roles: given<readonly string[]>('roles', row.roles),
  }
}
