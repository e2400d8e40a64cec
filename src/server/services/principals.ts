/** The accounts as IMAP and JMAP ask for them: who there is by that name, and who is in which groups now. */
import { groupsOf } from '#account/access.ts'
import type { Account, Accounts } from '#account/account.ts'
import { accountRowTable } from '#account/tables.ts'
import type { Principal, Principals } from '#mail/principal.ts'
import type { Db } from '#kv/db.ts'

export function principalsFrom(db: Db, accounts: Pick<Accounts, 'get' | 'byName'>): Principals {
  return {
    groupsOf: (account) =>
      db.read(async (tx) => {
        const row = await tx.get(accountRowTable, account)
        return row === undefined ? [] : groupsOf(tx, row)
      }),
    byId: async (id) => principalOf(await accounts.get(id)),
    byName: async (name) => principalOf(await accounts.byName(name)),
  }
}

const principalOf = (account: Account | undefined): Principal | undefined =>
  account && { id: account.id, name: account.name, isGroup: account.type === 'group' }
