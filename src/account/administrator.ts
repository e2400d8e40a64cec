/**
 * The administrator `admin`: a password without an account, made at the first start. It is not a mailbox and
 * cannot sign in anywhere but where the server is administered.
 */
import type { Clock } from '#base/clock.ts'
import type { Db } from '#kv/db.ts'
import { administratorId, passwordTable } from './credential-tables.ts'
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
    if ((await tx.get(passwordTable, administratorId)) !== undefined) return undefined
    tx.put(passwordTable, [administratorId], row)
    return password
  })
}
