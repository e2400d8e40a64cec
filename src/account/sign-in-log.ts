/**
 * How sign-ins end: what the log is told, and when a credential was last used. The peer learns only `wrong`.
 */
import type { AccountId } from '#base/id.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import type { Access } from './access.ts'
import type { SignInSource } from './candidate.ts'
import { passwordCredential } from './credential-tables.ts'
import { authFailed, authImpersonated, authSuccess } from './events.ts'
import type { LastUse } from './last-use.ts'
import { showCredentialId } from './shown-once.ts'

/** Longer names are cut in events. */
const longestShownName = 255

export interface Tried {
  /** As it was given. */
  readonly name: string
  readonly from: SignInSource
  /** Who acts as that. */
  readonly by?: string
}

export class SignInLog {
  readonly #telemetry: Telemetry
  readonly #lastUse: LastUse

  constructor(o: { telemetry: Telemetry; lastUse: LastUse }) {
    this.#telemetry = o.telemetry
    this.#lastUse = o.lastUse
  }

  /** `reason` is for the administrator. */
  failed({ name, from: { ip, protocol } }: Tried, reason: string): 'wrong' {
    this.#telemetry.emit(authFailed, { name: name.slice(0, longestShownName), ip, protocol, reason })
    return 'wrong'
  }

  /** `owner` is whose credential it was; another's where somebody acts as the account. */
  succeeded({ name, from: { ip, protocol }, by }: Tried, access: Access, owner: AccountId): Access {
    const shown = { name: name.slice(0, longestShownName), ip, protocol, account: access.account }
    const { credential } = access
    if (by !== undefined)
      this.#telemetry.emit(authImpersonated, { ...shown, by: by.slice(0, longestShownName) })
    this.#telemetry.emit(
      authSuccess,
      credential === undefined ? shown : { ...shown, credential: showCredentialId(credential) },
    )
    this.#lastUse.note(owner, credential ?? passwordCredential)
    return access
  }
}
