/**
 * How sign-ins end: what the log is told, and when a credential was last used. The peer learns only `wrong`.
 *
 * What must always hold: nobody acts as another before the audit log has it.
 */
import { randomBytes } from 'node:crypto'
import type { Clock } from '#base/clock.ts'
import type { AccountId } from '#base/id.ts'
import { Lru } from '#base/lru.ts'
import type { Db } from '#kv/db.ts'
import { auditAction } from '#registry/audit.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import type { Access } from './access.ts'
import type { SignInSource } from './candidate.ts'
import { passwordCredential } from './credential-tables.ts'
import { authFailed, authImpersonated, authSuccess } from './events.ts'
import type { LastUse } from './last-use.ts'
import { showCredentialId } from './shown-once.ts'

/** Longer names are cut in events. */
const longestShownName = 255
/** A program that signs in at each request is one entry of the audit log in this time, of so many at once. */
const sameImpersonationMs = 5 * 60_000
const maxImpersonations = 10_000

export interface Tried {
  /** As it was given. */
  readonly name: string
  readonly from: SignInSource
  /** Who acts as that. */
  readonly by?: string
}

export class SignInLog {
  readonly #db: Db
  readonly #clock: Clock
  readonly #telemetry: Telemetry
  readonly #lastUse: LastUse
  /** When it was last written, by who acts as whom from where. */
  readonly #impersonations = new Lru<string, number>(maxImpersonations)

  constructor(o: { db: Db; clock: Clock; telemetry: Telemetry; lastUse: LastUse }) {
    this.#db = o.db
    this.#clock = o.clock
    this.#telemetry = o.telemetry
    this.#lastUse = o.lastUse
  }

  /** `reason` is for the administrator. */
  failed({ name, from: { ip, protocol } }: Tried, reason: string): 'wrong' {
    this.#telemetry.emit(authFailed, { name: name.slice(0, longestShownName), ip, protocol, reason })
    return 'wrong'
  }

  /**
   * `owner` is whose credential it was; another's where somebody acts as the account. `passwordAt`: when that was set,
   * where it was a password. Throws where it cannot be written to the audit log.
   */
  async succeeded(
    tried: Tried,
    access: Access,
    { owner, passwordAt }: { readonly owner: AccountId; readonly passwordAt?: number | undefined },
  ): Promise<Access> {
    const { ip, protocol } = tried.from
    const shown = { name: tried.name.slice(0, longestShownName), ip, protocol, account: access.account }
    const { credential } = access
    if (tried.by !== undefined) {
      const by = tried.by.slice(0, longestShownName)
      await this.#audit(by, owner, access, tried.from)
      this.#telemetry.emit(authImpersonated, { ...shown, by })
    }
    this.#telemetry.emit(
      authSuccess,
      credential === undefined ? shown : { ...shown, credential: showCredentialId(credential) },
    )
    this.#lastUse.note(owner, credential ?? passwordCredential)
    return {
      ...access,
      ...(passwordAt === undefined ? {} : { passwordAt }),
      ...(tried.by === undefined ? {} : { by: owner }),
    }
  }

  async #audit(
    name: string,
    owner: AccountId,
    access: Access,
    { ip, protocol }: SignInSource,
  ): Promise<void> {
    const atMs = this.#clock.now()
    const key = `${owner} ${access.account} ${protocol} ${ip}`
    const last = this.#impersonations.get(key)
    if (last !== undefined && atMs - last < sameImpersonationMs) return
    const actor = { name, account: owner, ip, protocol }
    await this.#db.write([], async (tx) =>
      auditAction(tx, { atMs, nonce: randomBytes(4).toString('hex') }, actor, 'Impersonate', {
        account: access.name,
      }),
    )
    this.#impersonations.set(key, atMs)
  }
}
