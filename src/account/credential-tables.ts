/**
 * The rows of what people prove themselves with: passwords, app passwords, API keys, second factors. The letters
 * `c f p s w` of global keys are this file's.
 *
 * What must always hold: no row has a secret that a person could be asked for, only what it can be compared
 * with; the one exception is the secret of a second factor, which codes are computed from. A row is never
 * shown outside this folder as it is.
 */
import type { AccountId } from '#base/id.ts'
import { json, rawBytes, uint } from '#kv/codec.ts'
import { text, u32 } from '#kv/key.ts'
import { globalTable } from '#kv/table.ts'
import type { Permission } from './permission.ts'
import type { CredentialId } from './shown-once.ts'

/** The owner of the administrator's credential, which belongs to no account. Account ids begin at 1. */
export const administratorId = 0 as AccountId

export interface PasswordRow {
  /** Hashes of one password; it is compared with the first, others are for mechanisms that need their own. */
  readonly verifiers: readonly string[]
  /** When it was set, not when it was hashed anew. */
  readonly changedAt: number
  readonly expiresAt?: number
}

/** Without a row nobody can sign in with a password. */
export const passwordTable = globalTable({
  name: 'password',
  letter: 'p',
  key: [u32<AccountId>()],
  value: json<PasswordRow>(),
})

/** What an app password can be limited to. */
export const mailProtocols = ['smtp', 'imap', 'pop3', 'managesieve', 'jmap', 'dav'] as const
export type MailProtocol = (typeof mailProtocols)[number]

/** `inherit`: all that the account may. `disable`: that without these. `replace`: of that, these only. */
export interface CredentialPermissions {
  readonly mode: 'inherit' | 'disable' | 'replace'
  readonly permissions: readonly Permission[]
}

export interface CredentialRow {
  /** `appPassword`: for mail programs. `apiKey`: for programs that manage, over HTTP only. */
  readonly kind: 'appPassword' | 'apiKey'
  readonly description: string
  readonly createdAt: number
  readonly expiresAt?: number
  /** Networks; none: from anywhere. */
  readonly allowedIps: readonly string[]
  /** None: all. */
  readonly protocols: readonly MailProtocol[]
  readonly permissions: CredentialPermissions
  readonly digest: string
}

export const credentialTable = globalTable({
  name: 'credential',
  letter: 'c',
  key: [u32<AccountId>(), u32<CredentialId>()],
  value: json<CredentialRow>(),
})

/** In place of an id: the account's password. */
export const passwordCredential = 0 as CredentialId

/** When a credential was last used, within the hour; apart from its row, which no sign-in may touch. */
export const credentialUseTable = globalTable({
  name: 'credential-use',
  letter: 'w',
  key: [u32<AccountId>(), u32<CredentialId>()],
  value: uint(),
})

export interface SecondFactorRow {
  /** In hex. */
  readonly secret: string
  /** Absent while its owner has not shown a code of it: it is not asked for then. */
  readonly confirmedAt?: number
  /** The last step whose code was used; it and those before count no more. */
  readonly lastStep: number
  /** Digests of recovery codes that were not used. */
  readonly recovery: readonly string[]
}

export const secondFactorTable = globalTable({
  name: 'second-factor',
  letter: 'f',
  key: [u32<AccountId>()],
  value: json<SecondFactorRow>(),
})

/** Random keys of this store, by what they are for. */
export const serverSecretTable = globalTable({
  name: 'server-secret',
  letter: 's',
  key: [text<'scram-salts'>()],
  value: rawBytes,
})
