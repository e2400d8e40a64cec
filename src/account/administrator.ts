/**
 * The administrator `admin`: a password without an account, made at the first start. It is not a mailbox and
 * cannot sign in anywhere but where the server is administered.
 */
import type { Clock } from '#base/clock.ts'
import type { Db } from '#kv/db.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import { administratorName } from './candidate.ts'
import { administratorId, passwordTable } from './credential-tables.ts'
import { passwordChanged } from './events.ts'
import { generatePassword } from './generated-password.ts'
import type { PasswordPolicy } from './password-policy.ts'

interface Context {
  readonly db: Db
  readonly passwords: PasswordPolicy
  readonly clock: Clock
}

/** Gives the administrator a password where there is none, and returns it: the only time that anybody sees it. */
export async function ensureAdmin({ db, passwords, clock }: Context): Promise<string | undefined> {
  if ((await db.read((tx) => tx.get(passwordTable, administratorId))) !== undefined) return undefined
  const password = generatePassword()
  const row = await passwords.keepForEver(password, clock.now())
  return db.write([], async (tx) => {
    // Another process on the same store may have been quicker.
    if ((await tx.getForUpdate(passwordTable, administratorId)) !== undefined) return undefined
    tx.put(passwordTable, [administratorId], row)
    return password
  })
}

/** Sets the administrator's password. Throws Fault `invalid` or `unavailable`. */
export async function setAdminPassword(
  { db, passwords, clock, telemetry }: Context & { readonly telemetry: Telemetry },
  password: string,
): Promise<void> {
  const row = await passwords.keepForEver(await passwords.check(password, [administratorName]), clock.now())
  await db.write([], async (tx) => tx.put(passwordTable, [administratorId], row))
  telemetry.emit(passwordChanged, { account: administratorId, name: administratorName })
}
