/** What everybody may say about the own account: its description, language and time zone. */
import { Fault } from '#base/fault.ts'
import type { AccountId } from '#base/id.ts'
import type { ReadTx } from '#kv/tx.ts'
import {
  type ManagedObject,
  type ObjectHandler,
  type Plan,
  type QueryResult,
  type Scope,
  singletonId,
} from '#registry/managed-object.ts'
import { text } from '#settings/field.ts'
import type { Values } from '#settings/values.ts'
import type { Accounts } from '../account.ts'
import { updateAccountRows } from '../account-rows.ts'
import { accountRowTable } from '../tables.ts'
import { personalFields } from './account-object.ts'
import { patchedRow } from './account-values.ts'
import { assertNotAbove } from './escalation.ts'

const accountSettingsObject: ManagedObject = {
  name: 'AccountSettings',
  title: 'Own account',
  help: 'What everybody may say about the own account.',
  kind: 'singleton',
  ofAccount: true,
  fields: {
    name: text({ fallback: '', settable: 'never', help: 'The name to sign in with.' }),
    emailAddress: text({ fallback: '', settable: 'never', help: 'The primary address.' }),
    ...personalFields,
  },
  filters: {},
}

export class AccountSettingsHandler implements ObjectHandler {
  readonly object = accountSettingsObject
  readonly #accounts: Accounts

  constructor(accounts: Accounts) {
    this.#accounts = accounts
  }

  async locate(): Promise<string> {
    return singletonId
  }

  async read(tx: ReadTx, _id: string, { account }: Scope): Promise<Values | undefined> {
    const row = await tx.get(accountRowTable, account)
    if (row === undefined) return undefined
    const { name, emailAddress, description, locale, timeZone } = row
    return { name, emailAddress, description, locale, timeZone }
  }

  async query(): Promise<QueryResult> {
    return { ids: [singletonId], total: 1 }
  }

  async update(_id: string, patch: Values, { actor, account }: Scope): Promise<Plan> {
    return {
      accounts: [],
      apply: async (tx) => {
        await updateAccountRows(tx, existing(account), async (row) => {
          if (actor.account !== account) await assertNotAbove(tx, actor, row)
          return patchedRow(tx, row, patch)
        })
        return singletonId
      },
      committed: () => this.#accounts.forget(String(account)),
    }
  }
}

/** The administrator without an account has none to describe. */
function existing(account: AccountId): AccountId {
  if (account === 0) throw new Fault('notFound', 'There is no such account.', { what: 'account' })
  return account
}
