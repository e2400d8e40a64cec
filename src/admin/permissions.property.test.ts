/**
 * Random administrators, users and groups with random roles try the operations of the API; what comes out
 * (allowed, forbidden, not there, not signed in) is what a simple model says. Everything is a dry run, so the
 * model does not change.
 *
 * Planted faults that turn it red: `Management.#permitted` does not throw; `assertHas` (escalation.ts) returns at
 * once; `scopeOf` of objects.ts gives the account to whoever asks; `effectivePermissions` (role.ts) leaves out
 * what is disabled; `assertGives` (credential-handler.ts) returns at once.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { allPermissions, builtInRoles } from '#account/permission.ts'
import { makeApi } from './fixture.test.ts'

type Outcome = 'allowed' | 'forbidden' | 'notFound' | 'signedOut'

interface RoleModel {
  readonly enabled: readonly string[]
  readonly disabled: readonly string[]
  readonly roles: readonly string[]
}

interface UserModel {
  readonly type: 'user' | 'group'
  readonly roles: readonly string[]
  readonly mode: 'inherit' | 'merge' | 'replace'
  readonly enabled: readonly string[]
  readonly disabled: readonly string[]
}

interface World {
  readonly roles: readonly RoleModel[]
  readonly users: readonly UserModel[]
}

/** Such that most sets have something in common and something apart. */
const pool = [
  ...['Account', 'Role', 'Domain', 'MailingList'].flatMap((name) =>
    ['Get', 'Query', 'Create', 'Update', 'Destroy'].map((verb) => `sys${name}${verb}`),
  ),
  'sysImapGet',
  'sysImapUpdate',
  'sysAuditEntryGet',
  'sysAuditEntryQuery',
  'sysSystemSettingsGet',
  'actionReloadSettings',
  'authenticate',
  'sysAppPasswordCreate',
  'sysAccountSettingsUpdate',
]
const some = fc.subarray(pool, { maxLength: 12 })
const few = fc.subarray(pool, { maxLength: 2 })

const worlds: fc.Arbitrary<World> = fc.record({
  roles: fc.tuple(
    ...[0, 1, 2].map((i) =>
      fc.record({
        enabled: some,
        disabled: few,
        // Of those before it only, since they are created in this order.
        roles: fc.subarray(['user', 'admin', 'r0', 'r1'].slice(0, 2 + i), { maxLength: 1 }),
      }),
    ),
  ),
  users: fc.array(
    fc.record({
      type: fc.constantFrom('user' as const, 'user' as const, 'user' as const, 'group' as const),
      roles: fc.subarray(['user', 'user', 'admin', 'r0', 'r1', 'r2'], { maxLength: 3 }),
      mode: fc.constantFrom('inherit' as const, 'merge' as const, 'replace' as const),
      enabled: fc.oneof(some, fc.constant(['authenticate', ...pool])),
      disabled: few,
    }),
    { minLength: 2, maxLength: 4 },
  ),
})

/** What an account may do, said as briefly as possible. */
function mayOf(world: World, { type, roles, mode, enabled, disabled }: UserModel): ReadonlySet<string> {
  const on = new Set<string>()
  const off = new Set(disabled)
  const add = (name: string): void => {
    const builtIn = builtInRoles.get(name)
    const role = builtIn === undefined ? world.roles[Number(name.slice(1))] : undefined
    for (const one of builtIn?.enabled ?? role?.enabled ?? []) on.add(one)
    for (const one of role?.disabled ?? []) off.add(one)
    for (const inner of role?.roles ?? []) add(inner)
  }
  for (const name of roles.length === 0 ? [type] : roles) add(name)
  if (mode === 'replace') on.clear()
  if (mode !== 'inherit') for (const one of enabled) on.add(one)
  return new Set([...on].filter((one) => !off.has(one)))
}

/** What a role takes away, with the roles in it. */
const takenBy = (world: World, name: string): readonly string[] => {
  const role = world.roles[Number(name.slice(1))]
  return role === undefined ? [] : [...role.disabled, ...role.roles.flatMap((inner) => takenBy(world, inner))]
}

const plainUser: UserModel = { type: 'user', roles: [], mode: 'inherit', enabled: [], disabled: [] }
const nameOf = (i: number): string => `u${i}@example.org`
const password = 'correct horse'

interface Attempt {
  /** -1: the administrator. */
  readonly actor: number
  readonly operation: number
  readonly target: number
  readonly role: number
}

interface Asked {
  readonly method: string
  readonly path: string
  readonly body?: unknown
  readonly expected: Outcome
}

class Model {
  readonly world: World
  readonly may: ReadonlySet<string>
  readonly #o: Attempt

  constructor(world: World, o: Attempt) {
    this.world = world
    this.#o = o
    const own = world.users[o.actor]
    this.may = own === undefined ? new Set(allPermissions) : mayOf(world, own)
  }

  get target(): UserModel | undefined {
    return this.world.users[this.#o.target]
  }

  get isSelf(): boolean {
    return this.#o.actor === this.#o.target
  }

  has = (...permissions: readonly string[]): boolean => permissions.every((one) => this.may.has(one))

  needs(permission: string, then: () => Outcome = () => 'allowed'): Outcome {
    return this.has(permission) ? then() : 'forbidden'
  }

  /** Nobody gives or touches what they have not. */
  within(...sets: readonly Iterable<string>[]): Outcome {
    return sets.every((set) => [...set].every((one) => this.may.has(one))) ? 'allowed' : 'forbidden'
  }

  targetMay = (): ReadonlySet<string> => mayOf(this.world, this.target!)

  ofTarget(then: () => Outcome): Outcome {
    return this.target === undefined ? 'notFound' : then()
  }

  /** With `?account=`. */
  ofOther(permission: string, then: () => Outcome): Outcome {
    const isThere = this.target !== undefined && this.has('sysAccountUpdate')
    return this.needs(permission, isThere ? then : () => 'notFound')
  }
}

const grantable = ['user', 'admin', 'r0', 'r1', 'r2'] as const
const dry = 'dryRun=true'

const operations: readonly ((m: Model, o: Attempt) => Asked)[] = [
  ...['Account', 'Domain', 'MailingList', 'Role', 'AuditEntry', 'NetworkListener'].map(
    (object) => (m: Model) => ({
      method: 'GET',
      path: `/api/object/${object}`,
      expected: m.has(`sys${object}Query`, `sys${object}Get`) ? ('allowed' as const) : ('forbidden' as const),
    }),
  ),
  ...['Imap', 'SystemSettings'].flatMap((object) => [
    (m: Model) => ({ method: 'GET', path: `/api/object/${object}`, expected: m.needs(`sys${object}Get`) }),
    (m: Model) => ({
      method: 'PATCH',
      path: `/api/object/${object}?${dry}`,
      body: {},
      expected: m.needs(`sys${object}Update`),
    }),
  ]),
  (m, { target }) => ({
    method: 'GET',
    path: `/api/object/Account/${nameOf(target)}`,
    expected: m.needs('sysAccountGet', () => m.ofTarget(() => 'allowed')),
  }),
  (m, { target }) => ({
    method: 'GET',
    path: `/api/account-permissions/${nameOf(target)}`,
    expected: m.needs('sysAccountGet', () => m.ofTarget(() => 'allowed')),
  }),
  (m, { target }) => ({
    method: 'GET',
    path: `/api/principal/${nameOf(target)}`,
    expected: m.has('sysAccountGet')
      ? m.ofTarget(() => 'allowed')
      : m.has('sysMailingListGet')
        ? 'notFound'
        : 'forbidden',
  }),
  (m, { target }) => ({
    method: 'PATCH',
    path: `/api/object/Account/${nameOf(target)}?${dry}`,
    body: { description: 'x' },
    expected: m.needs('sysAccountUpdate', () => m.ofTarget(() => m.within(m.targetMay()))),
  }),
  (m, { target, role }) => ({
    method: 'PATCH',
    path: `/api/object/Account/${nameOf(target)}?${dry}`,
    body: { roles: [grantable[role]] },
    expected: m.needs('sysAccountUpdate', () =>
      m.ofTarget(() => m.within(m.targetMay(), mayOf(m.world, { ...m.target!, roles: [grantable[role]!] }))),
    ),
  }),
  (m, { target }) => ({
    method: 'DELETE',
    path: `/api/object/Account/${nameOf(target)}?${dry}`,
    expected: m.needs('sysAccountDestroy', () => m.ofTarget(() => m.within(m.targetMay()))),
  }),
  (m, { role }) => ({
    method: 'POST',
    path: `/api/object/Account?${dry}`,
    body: { name: 'new@example.org', roles: [grantable[role]] },
    expected: m.needs('sysAccountCreate', () =>
      m.within(mayOf(m.world, { ...plainUser, roles: [grantable[role]!] })),
    ),
  }),
  (m, { role }) => ({
    method: 'POST',
    path: `/api/principal?${dry}`,
    body: { type: 'individual', name: 'new@example.org', roles: [grantable[role]] },
    expected: m.needs('sysAccountCreate', () =>
      m.within(mayOf(m.world, { ...plainUser, roles: [grantable[role]!] })),
    ),
  }),
  (m, { role, target }) => ({
    method: 'POST',
    path: `/api/object/Role?${dry}`,
    body: { name: 'new', roles: [grantable[role]], enabledPermissions: pool.slice(target, target + 2) },
    expected: m.needs('sysRoleCreate', () =>
      m.within(
        mayOf(
          {
            ...m.world,
            roles: [
              ...m.world.roles,
              { enabled: pool.slice(target, target + 2), disabled: [], roles: [grantable[role]!] },
            ],
          },
          { ...plainUser, roles: [`r${m.world.roles.length}`] },
        ),
      ),
    ),
  }),
  (m, { role }) => ({
    method: 'DELETE',
    path: `/api/object/Role/${grantable[role]}?${dry}`,
    expected: m.needs('sysRoleDestroy', () => {
      const found = m.world.roles[role - 2]
      return found === undefined ? 'forbidden' : m.within(found.enabled, takenBy(m.world, grantable[role]!))
    }),
  }),
  (m) => ({
    method: 'POST',
    path: `/api/object/Domain?${dry}`,
    body: { name: 'example.net' },
    expected: m.needs('sysDomainCreate'),
  }),
  (m) => ({
    method: 'GET',
    path: '/api/object/Domain/example.net',
    expected: m.needs('sysDomainGet', () => 'notFound'),
  }),
  (m, { target }) => ({
    method: 'POST',
    path: `/api/object/AppPassword?account=${nameOf(target)}&${dry}`,
    body: {},
    expected: m.ofOther('sysAppPasswordCreate', () =>
      m.target!.type === 'group' ? 'notFound' : m.within(m.targetMay()),
    ),
  }),
  (m, { target }) => ({
    method: 'PATCH',
    path: `/api/object/AccountSettings?account=${nameOf(target)}&${dry}`,
    body: { locale: 'de' },
    expected: m.ofOther('sysAccountSettingsUpdate', () => (m.isSelf ? 'allowed' : m.within(m.targetMay()))),
  }),
  (m, { actor }) => ({
    method: 'PATCH',
    path: `/api/account?${dry}`,
    body: { locale: 'de' },
    expected: m.needs('sysAccountSettingsUpdate', () => (actor < 0 ? 'notFound' : 'allowed')),
  }),
  (m, { actor }) => ({
    method: 'POST',
    path: `/api/object/ApiKey?${dry}`,
    body: {},
    expected: m.needs('sysApiKeyCreate', () => (actor < 0 ? 'notFound' : 'allowed')),
  }),
  (m) => ({ method: 'GET', path: '/api/status', expected: m.needs('sysSystemSettingsGet') }),
  (m) => ({ method: 'POST', path: '/api/reload', expected: m.needs('actionReloadSettings') }),
  () => ({ method: 'GET', path: '/api/openapi.json', expected: 'allowed' }),
  () => ({ method: 'GET', path: '/api/object/Nothing', expected: 'notFound' }),
]

const outcomeOf = (status: number): Outcome =>
  status === 403 ? 'forbidden' : status === 404 ? 'notFound' : status === 401 ? 'signedOut' : 'allowed'

async function build(world: World) {
  const api = await makeApi()
  const make = async (object: string, body: object): Promise<void> => {
    const { status, body: answer } = await api.call('POST', `/api/object/${object}`, body)
    assert.equal(status, 201, JSON.stringify(answer))
  }
  await make('Domain', { name: 'example.org' })
  for (const [i, { enabled, disabled, roles }] of world.roles.entries())
    await make('Role', { name: `r${i}`, enabledPermissions: enabled, disabledPermissions: disabled, roles })
  for (const [i, { type, roles, mode, enabled, disabled }] of world.users.entries()) {
    const rights = { permissionMode: mode, enabledPermissions: enabled, disabledPermissions: disabled }
    const secret = type === 'user' ? { secret: password } : {}
    await make('Account', { name: nameOf(i), type, roles, ...rights, ...secret })
  }
  return api
}

const attempts = fc.array(
  fc.record({
    actor: fc.integer({ min: -1, max: 3 }),
    operation: fc.nat({ max: operations.length - 1 }),
    target: fc.nat({ max: 4 }),
    role: fc.nat({ max: grantable.length - 1 }),
  }),
  { minLength: 20, maxLength: 40 },
)

test('random people with random rights: what comes out is what the model says', async () => {
  const seen = new Map<string, Set<Outcome>>()
  await fc.assert(
    fc.asyncProperty(worlds, attempts, async (world, tries) => {
      const api = await build(world)
      for (const o of tries) {
        const user = o.actor < 0 ? undefined : world.users[o.actor]
        if (o.actor >= 0 && user === undefined) continue
        const model = new Model(world, o)
        const { method, path, body, expected } = operations[o.operation]!(model, o)
        const mayEnter = user === undefined || (user.type === 'user' && model.has('authenticate'))
        const authorization = user === undefined ? api.asAdmin : api.basic(nameOf(o.actor), password)
        const init = { method, headers: { authorization } }
        const response = await api.ask(
          path,
          body === undefined ? init : { ...init, body: JSON.stringify(body) },
        )
        const wanted = mayEnter ? expected : 'signedOut'
        const said = `${JSON.stringify(o)} ${method} ${path}: ${response.status} ${await response.text()}`
        assert.ok(response.status < 500 || response.status === 507, said)
        assert.equal(outcomeOf(response.status), wanted, said)
        const key = String(o.operation)
        seen.set(key, (seen.get(key) ?? new Set()).add(wanted))
      }
      assert.deepEqual(api.crashes, [])
    }),
    { numRuns: 40, endOnFailure: true },
  )
  // Not one that is always refused, or always allowed, by accident of the generators.
  assert.equal(seen.size, operations.length)
  const outcomes = [...seen.values()].flatMap((set) => [...set])
  for (const one of ['allowed', 'forbidden', 'notFound', 'signedOut'] as const)
    assert.ok(outcomes.filter((other) => other === one).length > 3, one)
})
