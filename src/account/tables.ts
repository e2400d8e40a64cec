/**
 * The rows of domains, accounts, mailing lists and roles; those of credentials are in `credential-tables.ts`.
 * All belong to the whole store, since they are looked up before anybody knows the account; the letters
 * `a d g k l m n r x` of global keys are this file's.
 *
 * What must always hold: an account's `name` has one row in `accountNameTable`; each exact address of an
 * account or a list has one in `addressTable` and each pattern one in `patternTable`, in a domain that exists;
 * a text stands for one owner only in name and addresses together; each `memberOf` has its row in `memberTable`.
 */
import { asBuffer } from '#base/bytes.ts'
import type { AccountId, Branded } from '#base/id.ts'
import { PackReader, PackWriter } from '#base/pack.ts'
import { json, nothing, uint } from '#kv/codec.ts'
import { text, u32 } from '#kv/key.ts'
import { type Codec, globalTable } from '#kv/table.ts'
import { dkimDefaults, type DkimManagement } from './dkim-tables.ts'
import type { Permission } from './permission.ts'

/** A mailing list; from the same count as accounts, so a number names one of both only. */
export type ListId = Branded<number, 'ListId'>

/** A further address of an account or a list: an address, `@domain`, or a pattern (`alias-pattern.ts`). */
export interface Alias {
  readonly address: string
  readonly enabled: boolean
  readonly description: string
}

export interface AccountPermissions {
  /** `inherit`: what the roles give. `merge`: that and `enabled`. `replace`: `enabled` alone. */
  readonly mode: 'inherit' | 'merge' | 'replace'
  readonly enabled: readonly Permission[]
  readonly disabled: readonly Permission[]
}

/** 0: no limit. */
export interface AccountQuotas {
  readonly diskBytes: number
  readonly emails: number
  readonly mailboxes: number
  readonly appPasswords: number
  readonly apiKeys: number
}

export interface AccountRow {
  /** A group has mailboxes and members, and nobody signs in to it. */
  readonly type: 'user' | 'group'
  /** What its owner signs in with. */
  readonly name: string
  /** The primary address: what mail programs send as. */
  readonly emailAddress: string
  readonly aliases: readonly Alias[]
  /** False: only the primary address receives. */
  readonly aliasesEnabled: boolean
  /** Whether `name+detail@` reaches the account; undefined: as its domain says. */
  readonly subAddressing: boolean | undefined
  readonly description: string
  readonly enabled: boolean
  /** Groups, in the order given. */
  readonly memberOf: readonly AccountId[]
  /** Names; none: the role that is called like the type. */
  readonly roles: readonly string[]
  readonly permissions: AccountPermissions
  readonly quotas: AccountQuotas
  /** Networks from which sign-in is possible; none: any. */
  readonly allowedIps: readonly string[]
  readonly locale: string
  readonly timeZone: string
  /** Milliseconds. */
  readonly createdAt: number
}

export const noQuotas: AccountQuotas = { diskBytes: 0, emails: 0, mailboxes: 0, appPasswords: 0, apiKeys: 0 }
/** What the quotas mean to the folder of mail. */
export const mailLimits = ({ diskBytes, emails, mailboxes }: AccountQuotas) => ({
  bytes: diskBytes,
  messages: emails,
  mailboxes,
})

export const inheritedPermissions: AccountPermissions = { mode: 'inherit', enabled: [], disabled: [] }

/** What an account has where nothing else is said. */
export const accountDefaults = {
  type: 'user',
  aliases: [],
  aliasesEnabled: true,
  subAddressing: undefined,
  description: '',
  enabled: true,
  memberOf: [],
  roles: [],
  permissions: inheritedPermissions,
  quotas: noQuotas,
  allowedIps: [],
  locale: '',
  timeZone: '',
  createdAt: 0,
} as const satisfies Omit<AccountRow, 'name' | 'emailAddress'>

/** JSON of what differs from the defaults: a person can read a dump, and most accounts are short. */
function sparse<T extends object>(defaults: Partial<T>): Codec<T> {
  const shown = new Map(Object.entries(defaults).map(([key, value]) => [key, JSON.stringify(value)]))
  return {
    encode: (row) =>
      Buffer.from(
        JSON.stringify(
          Object.fromEntries(
            Object.entries(row).filter(([key, value]) => {
              const text = JSON.stringify(value) as string | undefined
              return text !== undefined && text !== shown.get(key)
            }),
          ),
        ),
      ),
    decode: (bytes) => ({ ...defaults, ...(JSON.parse(asBuffer(bytes).toString('utf8')) as object) }) as T,
  }
}

export const accountRowTable = globalTable({
  name: 'account',
  letter: 'a',
  key: [u32<AccountId>()],
  value: sparse<AccountRow>(accountDefaults),
})

/** The folded name that somebody signs in with. Groups are found here too. */
export const accountNameTable = globalTable({
  name: 'account-name',
  letter: 'n',
  key: [text()],
  value: uint<AccountId>(),
})

/** The members of a group, the other way round than the accounts' `memberOf`. */
export const memberTable = globalTable({
  name: 'member',
  letter: 'g',
  key: [u32<AccountId>(), u32<AccountId>()],
  value: nothing,
})

export type AddressOwner =
  | { readonly kind: 'account'; readonly id: AccountId }
  | { readonly kind: 'list'; readonly id: ListId }

const ownerCodec: Codec<AddressOwner> = {
  encode: (owner) =>
    new PackWriter(8)
      .u8(owner.kind === 'account' ? 0 : 1)
      .uint(owner.id)
      .done(),
  decode(bytes) {
    const from = new PackReader(bytes)
    return from.u8() === 0
      ? { kind: 'account', id: from.uint() as AccountId }
      : { kind: 'list', id: from.uint() as ListId }
  },
}

export const isSameOwner = (a: AddressOwner | undefined, b: AddressOwner): boolean =>
  a?.kind === b.kind && a.id === b.id

/** Domain and folded local part; the empty local part is the domain's catch-all. */
export const addressTable = globalTable({
  name: 'address',
  letter: 'l',
  key: [text(), text()],
  value: ownerCodec,
})

/** Domain and the local part's pattern as it is written. */
export const patternTable = globalTable({
  name: 'address-pattern',
  letter: 'x',
  key: [text(), text()],
  value: ownerCodec,
})

export interface DomainRow {
  readonly description: string
  /** A disabled domain receives nothing, and nobody of it signs in. */
  readonly enabled: boolean
  /** Other domains whose every address means the same one here. Each has a row of its own with `aliasOf`. */
  readonly aliases: readonly string[]
  /** The domain that this one is another name of. */
  readonly aliasOf: string | undefined
  /** All mail goes to the same local part there. */
  readonly redirectTo: string | undefined
  /** Whether `name+detail@` reaches `name@`. */
  readonly subAddressing: boolean
  /** Of all accounts together; 0: no limit. May be overshot by what is on its way. */
  readonly maxDiskQuota: number
  /** 0: no limit. */
  readonly maxAccounts: number
  /** Of its keys and of those of its aliases. */
  readonly dkimManagement: DkimManagement
  /** Whom its DNS records name for reports, as a URI; without `@` somebody of the domain. Empty: nobody. */
  readonly reportAddressUri: string
  readonly createdAt: number
}

export const domainDefaults: DomainRow = {
  description: '',
  enabled: true,
  aliases: [],
  aliasOf: undefined,
  redirectTo: undefined,
  subAddressing: true,
  maxDiskQuota: 0,
  maxAccounts: 0,
  dkimManagement: dkimDefaults,
  reportAddressUri: 'mailto:postmaster',
  createdAt: 0,
}

export const domainTable = globalTable({
  name: 'domain',
  letter: 'd',
  key: [text()],
  value: sparse<DomainRow>(domainDefaults),
})

export interface ListRow {
  /** Its address. */
  readonly name: string
  readonly aliases: readonly Alias[]
  readonly description: string
  readonly enabled: boolean
  /** Addresses here, which may be those of groups and of other lists, and on other servers. */
  readonly recipients: readonly string[]
  /** Who hears of members elsewhere that cannot be reached; undefined: the postmaster of its domain. */
  readonly owner?: string
  /** Who may send to it: everybody, who has an account here, or its recipients; and always `posters`. */
  readonly posting: 'anyone' | 'local' | 'members'
  /** Addresses that may send to it as well. */
  readonly posters: readonly string[]
  readonly createdAt: number
}

export const listDefaults: Omit<ListRow, 'name'> = {
  aliases: [],
  description: '',
  enabled: true,
  recipients: [],
  posting: 'anyone',
  posters: [],
  createdAt: 0,
}

export const listTable = globalTable({
  name: 'mailing-list',
  letter: 'm',
  key: [u32<ListId>()],
  value: sparse<ListRow>(listDefaults),
})

export interface RoleRow {
  readonly description: string
  readonly enabled: readonly Permission[]
  readonly disabled: readonly Permission[]
  /** Names of roles that this one has everything of. */
  readonly roles: readonly string[]
}

/** Roles that were created, by name, which stays. */
export const roleTable = globalTable({ name: 'role', letter: 'r', key: [text()], value: json<RoleRow>() })

/** The last id that was given out to an account or a list. */
export const lastIdTable = globalTable({
  name: 'last-id',
  letter: 'k',
  key: [text<'account'>()],
  value: uint(),
})
