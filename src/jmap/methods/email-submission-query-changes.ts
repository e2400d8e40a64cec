/**
 * EmailSubmission/queryChanges (RFC 8621 §7.4, RFC 8620 §5.6). Only the undo status of a submission changes what a
 * query finds, so that whatever changed since then is told as gone from its place, and where it stands now.
 */
import { changesSince, modseqOf, stateOf } from '#kv/change-log.ts'
import { submissionObjectId } from '#mail/object-id.ts'
import { listSubmissions } from '#mail/submission.ts'
import type { QueueId } from '#queue/tables.ts'
import { MethodError } from '../errors.ts'
import { readFilter } from '../filter.ts'
import { accountField, method } from '../method.ts'
import { assertSends } from '../sending-account.ts'
import { jmapSettings } from '../settings.ts'
import { readSort } from '../sort.ts'
import { cannotCalculate } from '../standard-changes.ts'
import { searchSubmissions, submissionConditions, submissionSorts } from '../submission-search.ts'
import { anything, boolean, listOf, nullable, positiveInt, string } from '../value.ts'

export const emailSubmissionQueryChanges = method({
  name: 'EmailSubmission/queryChanges',
  using: 'urn:ietf:params:jmap:submission',
  standard: 'RFC 8621 §7.4',
  permission: 'jmapEmailSubmissionQueryChanges',
  arguments: {
    ...accountField,
    filter: anything,
    sort: nullable(listOf(anything)),
    sinceQueryState: string,
    maxChanges: nullable(positiveInt),
    upToId: nullable(string),
    calculateTotal: boolean,
  },
  required: ['accountId', 'sinceQueryState'],
  async call(call, args) {
    const account = await call.account(args.accountId!)
    assertSends(account)
    const filter = readFilter(args.filter, submissionConditions)
    const sort = readSort(args.sort ?? [], submissionSorts)
    const since = modseqOf(args.sinceQueryState!)
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
    const removed = [...changes.updated, ...changes.destroyed].map(idOf)
    const changed = new Set([...changes.created, ...changes.updated].map(idOf))
    const added = ids.flatMap((id, index) => (changed.has(id) ? [{ id, index }] : []))
    if (removed.length + added.length > (args.maxChanges ?? most)) throw new MethodError('tooManyChanges')
    return [
      {
        arguments: {
          accountId: account.text,
          oldQueryState: args.sinceQueryState!,
          newQueryState: stateOf(Math.max(state, since) as typeof state),
          ...(args.calculateTotal === true ? { total: ids.length } : {}),
          removed,
          added,
        },
      },
    ]
  },
})
