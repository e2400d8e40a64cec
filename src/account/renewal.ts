/**
 * Passwords hashed anew: who signs in with one whose verifiers are not what a new one would get has them made
 * again, since the password is known only then.
 *
 * What must always hold: it happens after the sign-in and never in its way; a password that was changed
 * meanwhile stays as it is; where it fails, nothing has changed and the next sign-in tries again.
 */
import { isFault } from '#base/fault.ts'
import type { AccountId } from '#base/id.ts'
import type { Db } from '#kv/db.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import { type PasswordRow, passwordTable } from './credential-tables.ts'
import { passwordRenewalFailed, passwordRenewed } from './events.ts'
import type { PasswordHasher } from './hash-pool.ts'
import { areCurrent, type WantedVerifiers } from './hash-work.ts'

export class Renewal {
  readonly #o: {
    readonly db: Db
    readonly passwords: PasswordHasher
    readonly telemetry: Telemetry
    readonly wanted: () => WantedVerifiers
  }
  readonly #running = new Map<AccountId, Promise<void>>()

  constructor(o: { db: Db; passwords: PasswordHasher; telemetry: Telemetry; wanted: () => WantedVerifiers }) {
    this.#o = o
  }

  /** Begins it where it is due. `done` gets the new verifiers. */
  begin(account: AccountId, row: PasswordRow, prepared: string, done: (first: string) => void): void {
    if (this.#running.has(account) || areCurrent(row.verifiers, this.#o.wanted())) return
    const running = this.#renew(account, row, prepared, done)
      .catch((error: unknown) => {
        // The server is busy or stops: there will be another sign-in.
        if (!isFault(error, 'unavailable')) this.#o.telemetry.emit(passwordRenewalFailed, { account, error })
      })
      .finally(() => this.#running.delete(account))
    this.#running.set(account, running)
  }

  /** When nothing is under way. */
  async settled(): Promise<void> {
    await Promise.all(this.#running.values())
  }

  async #renew(account: AccountId, row: PasswordRow, prepared: string, done: (first: string) => void) {
    const { db, passwords, telemetry, wanted } = this.#o
    const verifiers = await passwords.make(prepared, wanted())
    const isDone = await db.write([], async (tx) => {
      const now = await tx.get(passwordTable, account)
      if (now === undefined || now.verifiers.join('\n') !== row.verifiers.join('\n')) return false
      tx.put(passwordTable, [account], { ...now, verifiers })
      return true
    })
    if (!isDone) return
    done(verifiers[0]!)
    telemetry.emit(passwordRenewed, { account })
  }
}
