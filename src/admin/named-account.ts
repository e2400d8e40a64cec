/** The account that a request names, by its name or its id. */
import { readAccountId, type StoredAccount } from '#account/stored-account.ts'
import { Fault } from '#base/fault.ts'
import type { AccountId } from '#base/id.ts'
import { text } from '#settings/field.ts'

export interface AccountLookup {
  byName(name: string): Promise<StoredAccount | undefined>
  get(id: AccountId): Promise<StoredAccount | undefined>
}

/** For what is done with one account, or with all. */
export const accountFields = {
  account: text({
    fallback: undefined,
    help: 'Only this account, by name or id.',
    allowed: 'the name of an account',
  }),
}

/** Throws Fault('notFound'). */
export async function namedAccount(accounts: AccountLookup, name: string): Promise<StoredAccount> {
  const id = readAccountId(name)
  const account = id === undefined ? await accounts.byName(name) : await accounts.get(id)
  if (account === undefined) throw new Fault('notFound', 'There is no such account.', { what: 'account' })
  return account
}
