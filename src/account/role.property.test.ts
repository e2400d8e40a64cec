/**
 * Effective permissions against a model that follows the rule word by word. Turned red by: letting `enabled`
 * win over `disabled`, forgetting roles of roles, forgetting what nested roles disable, granting under `inherit`
 * what the account enables, keeping under `replace` what roles enable.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { makeStore } from './fixture.test.ts'
import { allPermissions, type Permission } from './permission.ts'
import { effectivePermissions, explainPermissions } from './role.ts'
import { type AccountPermissions, type RoleRow, roleTable } from './tables.ts'

const names = ['r0', 'r1', 'r2', 'r3', 'gone'] as const
const permissions = fc.uniqueArray(fc.constantFrom(...allPermissions.slice(0, 6)), { maxLength: 4 })
const role = fc.record({
  description: fc.constant(''),
  enabled: permissions,
  disabled: permissions,
  roles: fc.uniqueArray(fc.constantFrom(...names), { maxLength: 3 }),
})
const own = fc.record({
  mode: fc.constantFrom('inherit', 'merge', 'replace'),
  enabled: permissions,
  disabled: permissions,
})

/** All roles that some lead to. */
function closure(roles: ReadonlyMap<string, RoleRow>, from: readonly string[]): readonly RoleRow[] {
  const reached = new Set(from)
  for (const name of reached) for (const inner of roles.get(name)?.roles ?? []) reached.add(inner)
  return [...reached].flatMap((name) => roles.get(name) ?? [])
}

function model(
  roles: ReadonlyMap<string, RoleRow>,
  held: readonly string[],
  mine: AccountPermissions,
): ReadonlySet<Permission> {
  const all = closure(roles, held)
  return new Set(
    allPermissions.filter((one) => {
      const byRole = mine.mode !== 'replace' && all.some(({ enabled }) => enabled.includes(one))
      const byAccount = mine.mode !== 'inherit' && mine.enabled.includes(one)
      const taken = mine.disabled.includes(one) || all.some(({ disabled }) => disabled.includes(one))
      return (byRole || byAccount) && !taken
    }),
  )
}

test('what an account may do is what the rule says, and what is explained is the same', async () => {
  const { db } = makeStore()
  const held = fc.uniqueArray(fc.constantFrom(...names), { minLength: 1, maxLength: 3 })
  await fc.assert(
    fc.asyncProperty(fc.array(role, { minLength: 4, maxLength: 4 }), held, own, async (rows, roles, mine) => {
      const byName = new Map(rows.map((row, i) => [`r${i}`, row]))
      await db.write([], async (tx) => {
        for (const [name, row] of byName) tx.put(roleTable, [name], row)
      })
      const account = { type: 'user', roles, permissions: mine } as const
      const expected = model(byName, roles, mine)
      const found = await db.read((tx) => effectivePermissions(tx, account))
      assert.deepEqual([...found].sort(), [...expected].sort())
      const explained = await db.read((tx) => explainPermissions(tx, account))
      for (const { permission, granted, origins } of explained) {
        assert.equal(granted, expected.has(permission))
        if (granted) assert.ok(origins.length > 0 && origins.every(({ effect }) => effect === 'enables'))
      }
    }),
    { numRuns: 200 },
  )
})
