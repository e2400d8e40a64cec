/**
 * `/api/account`: what people do with the account that they signed in to, in the classic form: description and
 * language, password, second factor and app passwords. All of it is objects of the management.
 */
import { randomBytes } from 'node:crypto'
import type { Context } from 'hono'
import { administratorId } from '#account/credential-tables.ts'
import { otpauthUrl, totpSecretBytes } from '#account/totp.ts'
import { invalidProperties, type PropertyProblem } from '#base/fault.ts'
import { type Scope, singletonId } from '#registry/managed-object.ts'
import type { Management } from '#registry/management.ts'
import type { AdminEnv } from './gate.ts'
import { changeFields, changeOptions, jsonBody, queryOf } from './request.ts'
import type { ApiRoute } from './route.ts'

export interface SelfServiceOptions {
  readonly management: Management
  /** What authenticator programs call the server. */
  readonly issuer: () => string
}

const base = '/api/account'
const tag = 'Own account'
/** As many as an account may have at the very most. */
const mostAppPasswords = 1000

export const selfServiceRoutes = (o: SelfServiceOptions): readonly ApiRoute[] => [
  ...settingsRoutes(o),
  ...authenticationRoutes(o),
]

function settingsRoutes({ management }: SelfServiceOptions): readonly ApiRoute[] {
  return [
    {
      method: 'GET',
      path: base,
      tag,
      summary: 'Show the own account',
      permissions: ['sysAccountSettingsGet'],
      data: { $ref: '#/components/schemas/AccountSettings' },
      handle: async (c) => {
        const { id, values, revision } = await management.get('AccountSettings', singletonId, ownScope(c))
        return c.json({ data: { id, ...values, revision } })
      },
    },
    {
      method: 'PATCH',
      path: base,
      tag,
      summary: 'Change the own description, language and time zone',
      permissions: ['sysAccountSettingsUpdate'],
      query: changeFields,
      changes: true,
      body: { $ref: '#/components/schemas/AccountSettingsPatch' },
      data: { $ref: '#/components/schemas/AccountSettings' },
      handle: async (c) => {
        const options = changeOptions(c, queryOf(c, changeFields))
        const body = await jsonBody(c)
        const scope = ownScope(c)
        const { id, values, revision } = await management.update(
          'AccountSettings',
          singletonId,
          body,
          scope,
          options,
        )
        return c.json({ data: { id, ...values, revision } })
      },
    },
  ]
}

function authenticationRoutes(o: SelfServiceOptions): readonly ApiRoute[] {
  const { management } = o
  return [
    {
      method: 'POST',
      path: `${base}/password`,
      tag,
      summary: 'Change the own password: currentSecret is the old one, secret the new one',
      permissions: ['sysAccountPasswordUpdate'],
      query: changeFields,
      changes: true,
      body: { $ref: '#/components/schemas/AccountPasswordPatch' },
      data: { type: 'null' },
      handle: async (c) => {
        const options = changeOptions(c, queryOf(c, changeFields))
        await management.update('AccountPassword', singletonId, await jsonBody(c), ownScope(c), options)
        return c.json({ data: null })
      },
    },
    {
      method: 'GET',
      path: `${base}/auth`,
      tag,
      summary: 'Whether the second factor is on, the app passwords, and a URL to switch it on with',
      permissions: ['sysAccountPasswordGet', 'sysAppPasswordQuery', 'sysAppPasswordGet'],
      handle: async (c) => c.json({ data: await authentication(o, c) }),
    },
    {
      method: 'POST',
      path: `${base}/auth`,
      tag,
      summary: 'Switch the second factor on or off, add and remove app passwords',
      permissions: ['sysAccountPasswordUpdate', 'sysAppPasswordCreate', 'sysAppPasswordDestroy'],
      body: { $ref: '#/components/schemas/AuthOperation' },
      handle: async (c) => c.json({ data: await changeAuthentication(management, c) }),
    },
  ]
}

const ownScope = (c: Context<AdminEnv>): Scope => {
  const actor = c.get('actor')
  return { actor, account: actor.account }
}

async function authentication({ management, issuer }: SelfServiceOptions, c: Context<AdminEnv>) {
  const scope = ownScope(c)
  const { values } = await management.get('AccountPassword', singletonId, scope)
  const secret = randomBytes(totpSecretBytes)
  return {
    otpEnabled: values['secondFactor'],
    isAdministrator: scope.account === administratorId,
    appPasswords: (await appPasswords(management, scope)).map(({ values: one }) => one['description']),
    // Not kept: it is in force once it comes back with a code of it.
    newOtpUrl: otpauthUrl({ issuer: issuer(), account: scope.actor.name, secret }),
  }
}

async function appPasswords(management: Management, scope: Scope) {
  const all = { filter: {}, position: 0, limit: mostAppPasswords }
  const { ids } = await management.query('AppPassword', all, scope)
  return management.getMany('AppPassword', ids, scope)
}

/** What each operation takes besides `type`, and what that is called in the object. */
const operations = {
  enableOtpAuth: { currentSecret: 'currentSecret', url: 'otpUrl', code: 'otpCode' },
  disableOtpAuth: { currentSecret: 'currentSecret', code: 'otpCode' },
  addAppPassword: { name: 'description' },
  removeAppPassword: { name: 'description' },
} as const

type Given = Readonly<Record<string, unknown>>
interface AuthOperation {
  readonly type: keyof typeof operations
  readonly given: Given
  readonly called: (property: string) => string
}

function readAuthOperation(body: unknown): AuthOperation {
  const one: unknown = Array.isArray(body) && body.length === 1 ? body[0] : body
  const at = one === body ? '' : '0/'
  const fail = (problems: readonly PropertyProblem[]) => invalidProperties(problems)
  if (typeof one !== 'object' || one === null || Array.isArray(one))
    throw fail([{ property: '', problem: 'must be an operation, or a list of one' }])
  const { type, ...rest } = one as Given
  if (typeof type !== 'string' || !Object.hasOwn(operations, type))
    throw fail([{ property: `${at}type`, problem: `must be one of ${Object.keys(operations).join(', ')}` }])
  const names: Readonly<Record<string, string>> = operations[type as AuthOperation['type']]
  const problems = Object.keys(rest)
    .filter((name) => !Object.hasOwn(names, name))
    .map((name) => ({ property: `${at}${name}`.slice(0, 60), problem: 'is not known' }))
  if (problems.length > 0) throw fail(problems)
  const given = Object.fromEntries(Object.entries(rest).map(([name, value]) => [names[name]!, value]))
  const called = (property: string): string => {
    const found = Object.entries(names).find(([, native]) => native === property)
    return `${at}${found?.[0] ?? property}`
  }
  return { type: type as AuthOperation['type'], given, called }
}

/** The answer has what is shown once: recovery codes, or a new app password. */
async function changeAuthentication(management: Management, c: Context<AdminEnv>): Promise<unknown> {
  const { type, given, called } = readAuthOperation(await jsonBody(c))
  const scope = ownScope(c)
  if (type === 'addAppPassword') {
    const change = { verb: 'create', object: 'AppPassword', given, called } as const
    const [made] = await management.together([change], scope)
    return { id: made!.id, ...made!.shownOnce }
  }
  if (type === 'removeAppPassword') {
    const found = (await appPasswords(management, scope)).filter(
      ({ values }) => values['description'] === given['description'],
    )
    if (found.length === 0)
      throw invalidProperties([
        { property: called('description'), problem: 'must be that of an app password' },
      ])
    const gone = found.map(({ id }) => ({ verb: 'destroy', object: 'AppPassword', key: id }) as const)
    await management.together(gone, scope)
    return null
  }
  const patch = { ...given, secondFactor: type === 'enableOtpAuth' }
  const change = {
    verb: 'update',
    object: 'AccountPassword',
    key: singletonId,
    given: patch,
    called,
  } as const
  const [done] = await management.together([change], scope)
  return Object.keys(done!.shownOnce).length === 0 ? null : done!.shownOnce
}
