/**
 * `/api/quota/recount`: counts anew what an account holds, or what all do, as a task. The counters are exact as
 * long as nothing is damaged; this is for an administrator who does not believe them.
 */
import type { AccountId } from '#base/id.ts'
import type { Management } from '#registry/management.ts'
import { accountFields, type AccountLookup, namedAccount } from './named-account.ts'
import { queryOf } from './request.ts'
import type { ApiRoute } from './route.ts'

export interface RecountOptions {
  readonly management: Management
  readonly accounts: AccountLookup
  /** Schedules it; without an account for all. */
  readonly recount: (account: AccountId | undefined) => Promise<void>
}

export const recountRoute = ({ management, accounts, recount }: RecountOptions): ApiRoute => ({
  method: 'POST',
  path: '/api/quota/recount',
  tag: 'Account',
  summary: 'Count anew what an account holds, or what all do; the log tells what was found',
  permissions: ['actionRecountQuotas'],
  query: accountFields,
  data: { type: 'object', properties: { account: { type: 'string' } } },
  handle: async (c) => {
    const actor = c.get('actor')
    const { account: name } = queryOf(c, accountFields) as { account?: string }
    const done = await management.act('RecountQuotas', { actor, account: actor.account }, async () => {
      const account = name === undefined ? undefined : await namedAccount(accounts, name)
      await recount(account?.id)
      return { account: account?.name ?? '' }
    })
    return c.json({ data: done })
  },
})
