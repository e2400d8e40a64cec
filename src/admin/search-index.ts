/**
 * `/api/search/index` and `/api/search/reindex`: how far the search indexes are, and having them made anew. An
 * index that is wrong heals itself; making it anew by hand is for an administrator who does not believe it.
 */
import type { StoredAccount } from '#account/stored-account.ts'
import type { AccountId } from '#base/id.ts'
import type { IndexStatus } from '#mail/search/index-status.ts'
import type { Management } from '#registry/management.ts'
import { accountFields, type AccountLookup, namedAccount } from './named-account.ts'
import { queryOf } from './request.ts'
import type { ApiRoute } from './route.ts'

export interface SearchIndexOptions {
  readonly management: Management
  readonly accounts: AccountLookup
  /** Of one account, or of all. */
  readonly searchIndexes: {
    status(account: AccountId | undefined): Promise<IndexStatus>
    reindex(account: AccountId | undefined): Promise<number>
  }
}

const count = { type: 'integer', minimum: 0 } as const

export function searchIndexRoutes(o: SearchIndexOptions): readonly ApiRoute[] {
  const { management, searchIndexes } = o
  return [
    {
      method: 'GET',
      path: '/api/search/index',
      tag: 'Search',
      summary: 'How much mail the search indexes have, of an account or of all',
      permissions: ['actionReindex'],
      query: accountFields,
      data: {
        type: 'object',
        properties: {
          accounts: count,
          behind: { ...count, description: 'Accounts whose index is being made.' },
          messages: count,
          waiting: { ...count, description: 'Messages that searches still read.' },
          segments: count,
          sizeBytes: count,
        },
      },
      handle: async (c) => {
        const account = await accountOf(o, queryOf(c, accountFields))
        return c.json({ data: await searchIndexes.status(account?.id) })
      },
    },
    {
      method: 'POST',
      path: '/api/search/reindex',
      tag: 'Search',
      summary: 'Make the search index of an account anew, or those of all; searches find the same meanwhile',
      permissions: ['actionReindex'],
      query: accountFields,
      data: { type: 'object', properties: { account: { type: 'string' }, accounts: count } },
      handle: async (c) => {
        const actor = c.get('actor')
        const given = queryOf(c, accountFields) as { account?: string }
        const done = await management.act('Reindex', { actor, account: actor.account }, async () => {
          const account = await accountOf(o, given)
          return { account: account?.name ?? '', accounts: await searchIndexes.reindex(account?.id) }
        })
        return c.json({ data: done })
      },
    },
  ]
}

const accountOf = async (
  { accounts }: SearchIndexOptions,
  { account: name }: { account?: string },
): Promise<StoredAccount | undefined> => (name === undefined ? undefined : namedAccount(accounts, name))
