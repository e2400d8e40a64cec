/**
 * EmailSubmission/queryChanges (RFC 8621 §7.4). Only the undo status of a submission changes what a query finds, so
 * that whatever changed since then is told as gone from its place, and where it stands now.
 */
import { changesSince, modseqOf, stateOf } from '#kv/change-log.ts'
import { submissionObjectId } from '#mail/object-id.ts'
import { listSubmissions } from '#mail/submission/submission.ts'
import type { QueueId } from '#queue/tables.ts'
import { assertSends } from '../sending-account.ts'
import { jmapSettings } from '../settings.ts'
import { cannotCalculate } from '../standard-changes.ts'
import { standardQueryChanges } from '../standard-query-changes.ts'
import { searchSubmissions, submissionConditions, submissionSorts } from '../submission-search.ts'

export const emailSubmissionQueryChanges = standardQueryChanges({
  type: 'EmailSubmission',
  using: 'urn:ietf:params:jmap:submission',
  standard: 'RFC 8621 §7.4',
  permission: 'jmapEmailSubmissionQueryChanges',
  conditions: submissionConditions,
  sorts: submissionSorts,
  async run(call, account, { filter, sort, sinceQueryState }) {
    assertSends(account)
    const since = modseqOf(sinceQueryState)
    if (since === undefined) throw cannotCalculate()
    const { db, states, settings } = call.services
    const most = settings.get(jmapSettings).changesMaxResults
    const { state, all, changes } = await db.read(async (tx) => {
      if (since > (await tx.sequence(account.id))) throw cannotCalculate()
      return {
        state: await states.read(tx, account.id, 'EmailSubmission'),
        all: await listSubmissions(tx, account.id),
        changes: await changesSince(tx, account.id, 'EmailSubmission', since, most),
      }
    })
    if (changes === 'tooOld' || changes.more) throw cannotCalculate()
    const { idPrefix } = account
    const ids = searchSubmissions(all, { filter, sort, idPrefix, resolve: (id) => call.resolve(id) })
    const idOf = (number: number): string => submissionObjectId(number as QueueId, idPrefix)
    const changed = new Set([...changes.created, ...changes.updated].map(idOf))
    return {
      newQueryState: stateOf(state > since ? state : since),
      total: ids.length,
      removed: [...changes.updated, ...changes.destroyed].map(idOf),
      added: ids.flatMap((id, index) => (changed.has(id) ? [{ id, index }] : [])),
    }
  },
})
