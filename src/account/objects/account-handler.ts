/**
 * What can be done with accounts.
 *
 * What must always hold: nobody makes or changes an account that may do more than they; an account that is
 * deleted is gone at once for everybody, and its mail is removed by a task that its commit schedules.
 */
import { type Fault, invalidProperties } from '#base/fault.ts'
import type { AccountId } from '#base/id.ts'
import type { Clock } from '#base/clock.ts'
import type { Db } from '#kv/db.ts'
import type { TaskName } from '#kv/task-rows.ts'
import type { ReadTx, WriteTx } from '#kv/tx.ts'
import { renaming } from '#registry/change.ts'
import type { ObjectHandler, Plan, QueryRequest, QueryResult, Scope } from '#registry/managed-object.ts'
import type { Secret } from '#settings/secret.ts'
import type { Values } from '#settings/values.ts'
import type { Accounts } from '../account.ts'
import { assertAccountFits, destroyAccountRows, noSuchAccount, updateAccountRows } from '../account-rows.ts'
import { normaliseExact } from '../own-address.ts'
import { readAccountId } from '../stored-account.ts'
import { accountNameTable, accountRowTable } from '../tables.ts'
import { accountObject } from './account-object.ts'
import { queryAccounts } from './account-query.ts'
import { blankRow, patchedRow, showAccount } from './account-values.ts'
import { assertNotAbove } from './escalation.ts'

/** Removes what an account has left behind: its mail and everything else under its number. */
export const purgeAccountName: TaskName<{ readonly account: AccountId }> = { name: 'account.purge' }

/** Checks and hashes a new password, which is not to be made of what is known about its owner, and gives what its commit has to write. */
export type NewPassword = (
  given: string,
  about: readonly string[],
) => Promise<(tx: WriteTx, account: AccountId) => Promise<void> | void>

export interface AccountHandlerOptions {
  readonly db: Db
  readonly clock: Clock
  readonly accounts: Accounts
  readonly newPassword: NewPassword
  /** Bytes that an account's mail takes. */
  readonly usedBytes: (tx: ReadTx, account: AccountId) => Promise<number>
}

export class AccountHandler implements ObjectHandler {
  readonly object = accountObject
  readonly #o: AccountHandlerOptions

  constructor(o: AccountHandlerOptions) {
    this.#o = o
  }

  async locate(tx: ReadTx, key: string): Promise<string | undefined> {
    if (readAccountId(key) !== undefined) return key
    const name = normaliseExact(key)
    const id = name === undefined ? undefined : await tx.get(accountNameTable, name)
    return id === undefined ? undefined : String(id)
  }

  async read(tx: ReadTx, id: string): Promise<Values | undefined> {
    const account = Number(id) as AccountId
    const row = await tx.get(accountRowTable, account)
    return row === undefined ? undefined : showAccount(tx, account, row, await this.#o.usedBytes(tx, account))
  }

  query(request: QueryRequest): Promise<QueryResult> {
    return queryAccounts(this.#o.db, request)
  }

  async create(values: Values, { actor }: Scope): Promise<Plan> {
    const { accounts, clock, db } = this.#o
    // Before a hash and an id are spent on what cannot be; the commit looks again.
    const row = await db.read(async (tx) => {
      const read = await patchedRow(tx, blankRow(clock.now()), values)
      await assertNotAbove(tx, actor, read)
      await assertAccountFits(tx, undefined, read)
      return read
    })
    const setPassword = await this.#password(values)
    const id = await accounts.takeId()
    return {
      accounts: [id],
      apply: async (tx) => {
        await assertNotAbove(tx, actor, row)
        await accounts.putNew(tx, id, row)
        await setPassword?.(tx, id)
        return String(id)
      },
      committed: () => accounts.created(id, row.name),
    }
  }

  async update(id: string, patch: Values, { actor }: Scope): Promise<Plan> {
    const account = Number(id) as AccountId
    const setPassword = await this.#password(patch)
    return {
      accounts: [],
      apply: async (tx) => {
        await updateAccountRows(tx, account, async (before) => {
          await assertNotAbove(tx, actor, before)
          const after = await patchedRow(tx, before, patch)
          await assertNotAbove(tx, actor, after)
          if (after.type === 'group' && setPassword !== undefined) throw groupsHaveNone()
          return after
        })
        await setPassword?.(tx, account)
        return id
      },
      committed: () => this.#o.accounts.forget(id),
    }
  }

  async destroy(id: string, { actor }: Scope): Promise<Plan> {
    const account = Number(id) as AccountId
    const { clock, accounts } = this.#o
    return {
      accounts: [],
      apply: async (tx) => {
        const row = await tx.get(accountRowTable, account)
        if (row === undefined) throw noSuchAccount()
        await assertNotAbove(tx, actor, row)
        await destroyAccountRows(tx, account)
        tx.schedule(purgeAccountName, { account }, clock.now())
        return id
      },
      committed: () => accounts.forget(id),
    }
  }

  async #password(values: Values): Promise<Awaited<ReturnType<NewPassword>> | undefined> {
    const secret = values['secret'] as Secret | undefined
    if (secret === undefined) return undefined
    if (values['type'] === 'group') throw groupsHaveNone()
    const about = [values['name'], values['description']].filter((text) => typeof text === 'string')
    return this.#o.newPassword(secret.reveal(), about).catch(renaming(() => 'secret'))
  }
}

const groupsHaveNone = (): Fault =>
  invalidProperties([{ property: 'secret', problem: 'is nothing that a group has: nobody signs in to it' }])
