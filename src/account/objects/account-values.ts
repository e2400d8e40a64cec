/** Between the values of an account, as people see them, and its row. */
import type { AccountId } from '#base/id.ts'
import { invalidProperties } from '#base/fault.ts'
import type { ReadTx } from '#kv/tx.ts'
import { givenIn, type Values } from '#settings/values.ts'
import { normaliseExact } from '../own-address.ts'
import type { Permission } from '../permission.ts'
import { readRole } from '../role.ts'
import {
  accountDefaults,
  accountNameTable,
  type AccountRow,
  accountRowTable,
  type Alias,
  memberTable,
} from '../tables.ts'
import { momentOf } from './fields.ts'

const subAddressingOf = { domain: undefined, enabled: true, disabled: false } as const

interface ShownQuotas {
  readonly maxDiskQuota: number
  readonly maxEmails: number
  readonly maxMailboxes: number
  readonly maxAppPasswords: number
  readonly maxApiKeys: number
}

const maxShownMembers = 1000

/** The row with what a patch says; the patch was read by the object's fields. Throws Fault `invalid`. */
export async function patchedRow(
  tx: Pick<ReadTx, 'get'>,
  row: AccountRow,
  patch: Values,
): Promise<AccountRow> {
  const given = givenIn(patch)
  const quotas = given<ShownQuotas | undefined>('quotas', undefined)
  const name = given('name', row.name)
  const aliases = given<readonly Alias[]>('aliases', row.aliases)
  assertDistinct(aliases)
  return {
    ...row,
    type: given('type', row.type),
    name,
    // Where the primary address was the name, it stays the name.
    emailAddress:
      given<string | undefined>('emailAddress', undefined) ??
      (Object.hasOwn(patch, 'emailAddress') || row.emailAddress === row.name ? name : row.emailAddress),
    aliases,
    aliasesEnabled: given('aliasesEnabled', row.aliasesEnabled),
    subAddressing: Object.hasOwn(patch, 'subAddressing')
      ? subAddressingOf[patch['subAddressing'] as keyof typeof subAddressingOf]
      : row.subAddressing,
    description: given('description', row.description),
    locale: given('locale', row.locale),
    timeZone: given('timeZone', row.timeZone),
    enabled: given('enabled', row.enabled),
    memberOf: Object.hasOwn(patch, 'memberOf')
      ? await groupIds(tx, patch['memberOf'] as readonly string[])
      : row.memberOf,
    roles: given<readonly string[]>('roles', row.roles),
    permissions: {
      mode: given('permissionMode', row.permissions.mode),
      enabled: given<readonly Permission[]>('enabledPermissions', row.permissions.enabled),
      disabled: given<readonly Permission[]>('disabledPermissions', row.permissions.disabled),
    },
    quotas:
      quotas === undefined
        ? row.quotas
        : {
            diskBytes: quotas.maxDiskQuota,
            emails: quotas.maxEmails,
            mailboxes: quotas.maxMailboxes,
            appPasswords: quotas.maxAppPasswords,
            apiKeys: quotas.maxApiKeys,
          },
    allowedIps: given('allowedIps', row.allowedIps),
  }
}

/** The row that a new account has before anything is said about it. */
export const blankRow = (createdAt: number): AccountRow => ({
  ...accountDefaults,
  name: '',
  emailAddress: '',
  createdAt,
})

function assertDistinct(aliases: readonly Alias[]): void {
  const seen = new Set<string>()
  for (const [i, { address }] of aliases.entries()) {
    if (seen.has(address))
      throw invalidProperties([{ property: `aliases/${i}/address`, problem: 'is there twice' }])
    seen.add(address)
  }
}

async function groupIds(tx: Pick<ReadTx, 'get'>, names: readonly string[]): Promise<readonly AccountId[]> {
  const ids: AccountId[] = []
  for (const [i, name] of names.entries()) {
    const key = normaliseExact(name)
    const id = key === undefined ? undefined : await tx.get(accountNameTable, key)
    if (id === undefined) throw invalidProperties([{ property: `memberOf/${i}`, problem: 'must be a group' }])
    if (!ids.includes(id)) ids.push(id)
  }
  return ids
}

/** As it is shown. `usedBytes`: what its mail takes. */
export async function showAccount(
  tx: ReadTx,
  id: AccountId,
  row: AccountRow,
  usedBytes: number,
): Promise<Values> {
  const { quotas, permissions } = row
  const members = row.type === 'group' ? await tx.list(memberTable, [id], { limit: maxShownMembers }) : []
  return {
    type: row.type,
    name: row.name,
    emailAddress: row.emailAddress,
    aliases: row.aliases,
    aliasesEnabled: row.aliasesEnabled,
    subAddressing: row.subAddressing === undefined ? 'domain' : row.subAddressing ? 'enabled' : 'disabled',
    description: row.description,
    locale: row.locale,
    timeZone: row.timeZone,
    enabled: row.enabled,
    memberOf: await namesOf(tx, row.memberOf),
    members: await namesOf(
      tx,
      members.map(([[, member]]) => member),
    ),
    roles: await existing(tx, row.roles),
    permissionMode: permissions.mode,
    enabledPermissions: permissions.enabled,
    disabledPermissions: permissions.disabled,
    quotas: {
      maxDiskQuota: quotas.diskBytes,
      maxEmails: quotas.emails,
      maxMailboxes: quotas.mailboxes,
      maxAppPasswords: quotas.appPasswords,
      maxApiKeys: quotas.apiKeys,
    },
    allowedIps: row.allowedIps,
    usedDiskQuota: usedBytes,
    createdAt: momentOf(row.createdAt),
  }
}

/** Names of accounts; those that are gone are left out. */
async function namesOf(tx: ReadTx, ids: readonly AccountId[]): Promise<readonly string[]> {
  const rows = await tx.getMany(
    accountRowTable,
    ids.map((id) => [id] as const),
  )
  return rows.flatMap((row) => (row === undefined ? [] : [row.name]))
}

/** A role that was deleted is no longer shown. */
async function existing(tx: ReadTx, roles: readonly string[]): Promise<readonly string[]> {
  const found = await Promise.all(roles.map((role) => readRole(tx, role)))
  return roles.filter((_, i) => found[i] !== undefined)
}
