/**
 * The administrator `admin`: a password without an account, made at the first start. It is not a mailbox and
 * cannot sign in anywhere but where the server is administered.
 */
import type { Db } from '#kv/db.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import { passwordChanged } from './events.ts'
import type { PasswordHasher } from './hash-pool.ts'
import { generatePassword } from './generated-password.ts'
import { prepareNewPassword } from './password.ts'
import { administratorName } from './sign-in.ts'
import { administratorId, passwordTable } from './tables.ts'

interface Context {
  readonly db: Db
  readonly passwords: PasswordHasher
}

/** Gives the administrator a password where there is none, and returns it: the only time that anybody sees it. */
export async function ensureAdmin({ db, passwords }: Context): Promise<string | undefined> {
  if ((await db.read((tx) => tx.get(passwordTable, administratorId))) !== undefined) return undefined
  const password = generatePassword()
  const hash = await passwords.hash(password)
  return db.write([], async (tx) => {
    // Another process on the same store may have been quicker.
    if ((await tx.getForUpdate(passwordTable, administratorId)) !== undefined) return undefined
    tx.put(passwordTable, [administratorId], hash)
    return password
  })
}

/** Sets the administrator's password. Throws Fault `invalid` or `unavailable`. */
export async function setAdminPassword(
  { db, passwords, telemetry }: Context & { readonly telemetry: Telemetry },
  password: string,
): Promise<void> {
  const hash = await passwords.hash(prepareNewPassword(password))
  await db.write([], async (tx) => tx.put(passwordTable, [administratorId], hash))
  telemetry.emit(passwordChanged, { account: administratorId, name: administratorName })
}
