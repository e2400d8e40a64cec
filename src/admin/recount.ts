/**
 * `/api/quota/recount`: counts anew what an account holds, or what all do, as a task. The counters are exact as
 * long as nothing is damaged; this is for an administrator who does not believe them.
 */
import { readAccountId, type StoredAccount } from '#account/stored-account.ts'
import { Fault } from '#base/fault.ts'
import type { AccountId } from '#base/id.ts'
import type { Management } from '#registry/management.ts'
import { text } from '#settings/field.ts'
import { queryOf } from './request.ts'
import type { ApiRoute } from './route.ts'

export interface RecountOptions {
  readonly management: Management
  readonly accounts: {
    byName(name: string): Promise<StoredAccount | undefined>
    get(id: AccountId): Promise<StoredAccount | undefined>
  }
  /** Schedules it; without an account for all. */
  readonly recount: (account: AccountId | undefined) => Promise<void>
}

const fields = {
  account: text({
    fallback: undefined,
    help: 'Only this account, by name or id.',
    allowed: 'the name of an account',
  }),
}

export const recountRoute = ({ management, accounts, recount }: RecountOptions): ApiRoute => ({
  method: 'POST',
  path: '/api/quota/recount',
  tag: 'Account',
  summary: 'Count anew what an account holds, or what all do; the log tells what was found',
  permissions: ['actionRecountQuotas'],
  query: fields,
  data: { type: 'object', properties: { account: { type: 'string' } } },
  handle: async (c) => {
    const actor = c.get('actor')
    const { account: name } = queryOf(c, fields) as { account?: string }
    const done = await management.act('RecountQuotas', { actor, account: actor.account }, async () => {
      const id = name === undefined ? undefined : readAccountId(name)
      const account = id === undefined ? await accounts.byName(name ?? '') : await accounts.get(id)
      if (name !== undefined && account === undefined)
        throw new Fault('notFound', 'There is no such account.', { what: 'account' })
      await recount(account?.id)
      return { account: account?.name ?? '' }
    })
    return c.json({ data: done })
  },
})
