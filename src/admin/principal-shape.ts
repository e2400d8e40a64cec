/**
 * Principals in the classic form that existing scripts send and read: which object of the management each type
 * is, and how objects look in that form. Fields without a classic name are called as in `/api/object`.
 */
import type { Shown } from '#registry/change.ts'

export const principalTypes = ['domain', 'individual', 'group', 'list', 'role'] as const
export type PrincipalType = (typeof principalTypes)[number]

/** Types of the classic form that have no meaning here so far. */
export const typesToCome = ['tenant', 'oauthClient', 'apiKey', 'resource', 'location', 'other'] as const

export type PrincipalObject = 'Domain' | 'Account' | 'MailingList' | 'Role'

export const objectOf: Readonly<Record<PrincipalType, PrincipalObject>> = {
  domain: 'Domain',
  individual: 'Account',
  group: 'Account',
  list: 'MailingList',
  role: 'Role',
}

/** Every field of the classic form, whatever the type. */
export const classicFields: ReadonlySet<string> = new Set([
  'type',
  'name',
  'description',
  'quota',
  'usedQuota',
  'secrets',
  'emails',
  'memberOf',
  'members',
  'externalMembers',
  'lists',
  'roles',
  'enabledPermissions',
  'disabledPermissions',
  'urls',
])

interface ShownAlias {
  readonly address: string
}

interface ShownDomain {
  readonly id: string
  readonly type: 'domain'
  readonly name: string
  readonly description: string
  readonly enabled: boolean
}

interface ShownAccount {
  readonly id: number
  readonly type: 'individual' | 'group'
  readonly name: string
  readonly description: string
  /** Bytes; 0: no limit. */
  readonly quota: number
  readonly usedQuota: number
  /** Always empty: what is secret is not shown. */
  readonly secrets: readonly string[]
  /** The primary address first. */
  readonly emails: readonly string[]
  readonly memberOf: readonly string[]
  readonly members: readonly string[]
  readonly externalMembers: readonly string[]
  readonly lists: readonly string[]
  readonly roles: readonly string[]
  readonly enabledPermissions: readonly string[]
  readonly disabledPermissions: readonly string[]
  readonly urls: readonly string[]
  readonly enabled: boolean
}

interface ShownMailingList {
  readonly id: number
  readonly type: 'list'
  readonly name: string
  readonly description: string
  readonly emails: readonly string[]
  /** Everybody on it. */
  readonly members: readonly string[]
  readonly externalMembers: readonly string[]
  readonly enabled: boolean
}

interface ShownRole {
  readonly id: string
  readonly type: 'role'
  readonly name: string
  readonly description: string
  readonly roles: readonly string[]
  readonly enabledPermissions: readonly string[]
  readonly disabledPermissions: readonly string[]
}

export type ShownPrincipal = ShownDomain | ShownAccount | ShownMailingList | ShownRole

/** Values of the management, as far as they are looked at here. */
interface Native {
  readonly type: 'user' | 'group'
  readonly name: string
  readonly description: string
  readonly enabled: boolean
  readonly emailAddress: string
  readonly aliases: readonly ShownAlias[]
  readonly quotas: { readonly maxDiskQuota: number }
  readonly usedDiskQuota: number
  readonly memberOf: readonly string[]
  readonly members: readonly string[]
  readonly recipients: readonly string[]
  readonly roles: readonly string[]
  readonly permissionMode: 'inherit' | 'merge' | 'replace'
  readonly enabledPermissions: readonly string[]
  readonly disabledPermissions: readonly string[]
}

export const nativeOf = ({ values }: Pick<Shown, 'values'>): Native => values as unknown as Native

/** `lists`: names of the lists that an account is on. */
export function showPrincipal(
  object: PrincipalObject,
  one: Shown,
  lists: readonly string[] = [],
): ShownPrincipal {
  const native = nativeOf(one)
  const { name, description, enabled } = native
  switch (object) {
    case 'Domain':
      return { id: name, type: 'domain', name, description, enabled }
    case 'Role': {
      const { roles, enabledPermissions, disabledPermissions } = native
      return { id: name, type: 'role', name, description, roles, enabledPermissions, disabledPermissions }
    }
    case 'MailingList':
      return {
        id: Number(one.id),
        type: 'list',
        name,
        description,
        emails: [name, ...native.aliases.map(({ address }) => address)],
        members: native.recipients,
        externalMembers: [],
        enabled,
      }
    case 'Account':
      return showAccount(Number(one.id), native, lists)
  }
}

function showAccount(id: number, native: Native, lists: readonly string[]): ShownAccount {
  const { name, description, enabled, memberOf, members, disabledPermissions } = native
  return {
    id,
    type: native.type === 'user' ? 'individual' : 'group',
    name,
    description,
    quota: native.quotas.maxDiskQuota,
    usedQuota: native.usedDiskQuota,
    secrets: [],
    emails: [native.emailAddress, ...native.aliases.map(({ address }) => address)],
    memberOf,
    members,
    externalMembers: [],
    lists,
    // An account that names none has the role that is called like its type.
    roles: native.roles.length === 0 ? [native.type] : native.roles,
    enabledPermissions: native.permissionMode === 'inherit' ? [] : native.enabledPermissions,
    disabledPermissions,
    urls: [],
    enabled,
  }
}
