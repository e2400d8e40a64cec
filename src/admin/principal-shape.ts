/**
 * Principals as the management API shows and takes them: domains and individuals in the form that existing
 * scripts send. Fields of that form which have no meaning here yet are taken as long as they are empty.
 */
import type { Account, Domain, NewAccount } from '#account/account.ts'
import { ownedAddresses } from '#account/address-list.ts'
import { rolesOf } from '#account/role.ts'
import { noQuotas } from '#account/tables.ts'
import { Fault, isFault } from '#base/fault.ts'
import {
  array,
  discriminatedUnion,
  literal,
  maxLength,
  number,
  object,
  oneOf,
  optional,
  readAs,
  string,
  type Shape,
  union,
  unknown,
} from '#base/schema.ts'

const mustBeText = 'must be text'
const text = (longest: number) =>
  string(mustBeText).check(maxLength(longest, `must be at most ${longest} characters`))
/** Nothing but an empty list: so that nobody believes it had an effect. */
const emptyList = optional(
  array(unknown(), 'must be a list').check(maxLength(0, 'is not supported, leave it empty')),
)
/** One text, or a list of them. */
const texts = (longest: number) =>
  union([text(longest), array(text(longest), 'must be a list of text')], 'must be text or a list of text')

const unsupported = {
  urls: emptyList,
  memberOf: emptyList,
  lists: emptyList,
  members: emptyList,
  externalMembers: emptyList,
  enabledPermissions: emptyList,
  disabledPermissions: emptyList,
}

const domainFields = {
  type: literal('domain'),
  name: text(255),
  description: optional(text(1000)),
}

const individualFields = {
  type: literal('individual'),
  name: text(320),
  emails: optional(texts(320)),
  secrets: optional(texts(1024)),
  description: optional(text(1000)),
  quota: optional(number('must be a number of bytes')),
  roles: optional(array(oneOf(['user', 'admin'], 'must be user or admin'), 'must be a list')),
}

const known = {
  domain: new Set(Object.keys({ ...domainFields, ...unsupported })),
  individual: new Set(Object.keys({ ...individualFields, ...unsupported })),
}

const newPrincipal = discriminatedUnion(
  'type',
  [object({ ...domainFields, ...unsupported }), object({ ...individualFields, ...unsupported })],
  'must be an object whose type is domain or individual',
)

const change = array(
  object({
    action: literal('set', 'must be set'),
    field: literal('secrets', 'only secrets can be set'),
    value: texts(1024),
  }),
  'must be a list of changes',
).check(maxLength(1, 'must be one change'))

export type NewPrincipal =
  | { readonly type: 'domain'; readonly name: string; readonly description: string }
  | { readonly type: 'individual'; readonly account: NewAccount }

/** Reads the body of a request to create a principal. Throws Fault `invalid`. */
export function readNewPrincipal(body: unknown): NewPrincipal {
  const principal = readAs(newPrincipal, body)
  refuseUnknown(body as object, known[principal.type])
  if (principal.type === 'domain') {
    return { type: 'domain', name: principal.name, description: principal.description ?? '' }
  }
  return { type: 'individual', account: toNewAccount(principal) }
}

function toNewAccount(principal: Extract<Shape<typeof newPrincipal>, { type: 'individual' }>): NewAccount {
  const { name, emails, secrets, description, quota, roles } = principal
  const password = secrets === undefined ? undefined : readSecret(secrets)
  if (quota !== undefined && (!Number.isSafeInteger(quota) || quota < 0))
    throw invalid('quota', 'must be a number of bytes')
  return {
    name,
    emails: asList(emails ?? []),
    ...(password === undefined ? {} : { password }),
    ...(description === undefined ? {} : { description }),
    ...(quota === undefined ? {} : { quotas: { ...noQuotas, diskBytes: quota } }),
    ...(roles === undefined ? {} : { roles }),
  }
}

/** Reads the new password of a request to change a principal, the only thing that can be changed. */
export function readPasswordChange(body: unknown): string {
  const [wanted] = readAs(change, body)
  const password = wanted === undefined ? undefined : readSecret(wanted.value)
  if (password === undefined) throw invalid('value', 'must be a password')
  return password
}

const asList = (value: string | readonly string[]): readonly string[] =>
  typeof value === 'string' ? [value] : value

/** What other servers take as the hash of a password; here it would become the password itself. */
const hashForm = /^(?:\$(?:argon2|scrypt|pbkdf2|2[abxy]|[156])\w*\$|\{[A-Za-z0-9-]{2,20}\})/

function readSecret(secrets: string | readonly string[]): string | undefined {
  const [password, ...more] = asList(secrets)
  if (more.length > 0) throw invalid('secrets', 'must be one password')
  if (password !== undefined && hashForm.test(password))
    throw invalid('secrets', 'must be a password, not its hash')
  return password
}

const invalid = (property: string, what: string): Fault =>
  new Fault('invalid', `${property}: ${what}`, { properties: [property] })

function refuseUnknown(body: object, fields: ReadonlySet<string>): void {
  const strangers = Object.keys(body).filter((key) => !fields.has(key))
  if (strangers.length === 0) return
  const shown = strangers.slice(0, 10).map((key) => (key.length > 40 ? `${key.slice(0, 40)}...` : key))
  throw new Fault('invalid', `unknown: ${shown.join(', ')}`, { properties: shown })
}

/** What accounts call the password, this API calls secrets. */
export function withApiNames(error: unknown): unknown {
  if (!isFault(error, 'invalid') || error.detail.properties?.includes('password') !== true) return error
  return new Fault('invalid', error.publicText, { properties: ['secrets'] }, { cause: error })
}

export const showDomain = ({ name, description }: Domain) => ({ type: 'domain', name, description }) as const

export const showAccount = (account: Account) =>
  ({
    id: account.id,
    type: 'individual',
    name: account.name,
    emails: ownedAddresses(account),
    description: account.description,
    quota: account.quotas.diskBytes,
    roles: rolesOf(account),
    enabled: account.enabled,
  }) as const

export type ShownPrincipal = ReturnType<typeof showDomain> | ReturnType<typeof showAccount>
