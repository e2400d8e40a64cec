/** EmailSubmission/query (RFC 8621 §7.3). */
import { stateOf } from '#kv/change-log.ts'
import { listSubmissions } from '#mail/submission/submission.ts'
import { assertSends } from '../sending-account.ts'
import { standardQuery } from '../standard-query.ts'
import { searchSubmissions, submissionConditions, submissionSorts } from '../submission-search.ts'

export const emailSubmissionQuery = standardQuery({
  type: 'EmailSubmission',
  using: 'urn:ietf:params:jmap:submission',
  standard: 'RFC 8621 §7.3',
  permission: 'jmapEmailSubmissionQuery',
  conditions: submissionConditions,
  sorts: submissionSorts,
  async run(call, account, { filter, sort }) {
    assertSends(account)
    const { db, states } = call.services
    const { state, all } = await db.read(async (tx) => ({
      state: await states.read(tx, account.id, 'EmailSubmission'),
      all: await listSubmissions(tx, account.id),
    }))
    const { idPrefix } = account
    const ids = searchSubmissions(all, { filter, sort, idPrefix, resolve: (id) => call.resolve(id) })
    return {
      queryState: stateOf(state),
      canCalculateChanges: true,
      total: ids.length,
      slice: (from, to) => ids.slice(from, to),
      indexOf: (id) => ids.indexOf(id),
    }
  },
})
