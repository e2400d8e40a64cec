/**
 * The administrator whose name and password stand in the configuration, beside the one in the store: the way
 * back in for whoever lost the other password, and what existing configuration files have.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { authSuccess } from '#account/events.ts'
import type { PasswordHasher } from '#account/hash-pool.ts'
import { preparePassword } from '#account/password.ts'
import type { Access } from '#account/access.ts'
import { administratorAccess, type SignInSource } from '#account/candidate.ts'
import { administratorId } from '#account/credential-tables.ts'
import type { SignIn } from '#account/sign-in.ts'
import { looksLikeHash } from '#account/verifiers/stored-hash.ts'
import type { Settings } from '#settings/object.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import { fallbackAdmin } from '../settings.ts'

export class AdministratorSignIn {
  readonly #o: {
    settings: Settings
    signIn: Pick<SignIn, 'administrator' | 'apiKey'>
    passwords: PasswordHasher
    telemetry: Telemetry
  }

  constructor(o: {
    settings: Settings
    signIn: Pick<SignIn, 'administrator' | 'apiKey'>
    passwords: PasswordHasher
    telemetry: Telemetry
  }) {
    this.#o = o
  }

  /** As SignIn's own, and with what the configuration says. */
  async administrator(name: string, password: string, from: SignInSource): Promise<Access | 'wrong'> {
    const { settings, signIn, telemetry } = this.#o
    const { user, secret } = settings.get(fallbackAdmin)
    if (secret !== undefined && name === user && (await this.#isRight(secret.reveal(), password))) {
      telemetry.emit(authSuccess, { name, ip: from.ip, protocol: from.protocol, account: administratorId })
      return administratorAccess(name)
    }
    return signIn.administrator(name, password, from)
  }

  apiKey(key: string, from: SignInSource): Promise<Access | 'wrong'> {
    return this.#o.signIn.apiKey(key, from)
  }

  async #isRight(secret: string, password: string): Promise<boolean> {
    const prepared = preparePassword(password)
    if (prepared === undefined) return false
    if (looksLikeHash(secret)) return this.#o.passwords.verify(secret, prepared)
    return timingSafeEqual(digest(preparePassword(secret) ?? secret), digest(prepared))
  }
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
