/** Email/queryChanges (RFC 8621 §4.5). */
import type { MessageId } from '#base/id.ts'
import { queryEmailChanges } from '#mail/email-query-changes.ts'
import type { EmailView } from '#mail/email-view.ts'
import { emailObjectId, objectNumber } from '#mail/object-id.ts'
import {
  emailConditions,
  emailQueryFields,
  emailQueryOf,
  emailQueryState,
  emailSortFields,
  emailSorts,
  type EmailQueryState,
  formatQueryState,
  parseQueryState,
} from '../email-query-arguments.ts'
import { usesSmime } from '../smime-filter.ts'
import { cannotCalculate } from '../standard-changes.ts'
import { standardQueryChanges } from '../standard-query-changes.ts'
import { optionsOf } from './email-query.ts'

export const emailQueryChanges = standardQueryChanges({
  type: 'Email',
  using: 'urn:ietf:params:jmap:mail',
  standard: 'RFC 8621 §4.5',
  permission: 'jmapEmailQueryChanges',
  conditions: emailConditions,
  sorts: emailSorts,
  sortFields: emailSortFields,
  more: emailQueryFields,
  async run(call, account, asked, args) {
    if (usesSmime(asked.filter)) throw cannotCalculate()
    const query = emailQueryOf(call, account, asked, args)
    const since = parseQueryState(asked.sinceQueryState)
    const view = await (await call.services.views.open(account.id)).loadEmails()
    const state = await emailQueryState(call, account, view, query)
    if (since === undefined || !canCompare(since, state, view)) throw cannotCalculate()
    const upTo = asked.upToId === undefined ? undefined : objectNumber('M', asked.upToId, account.idPrefix)
    const changes = await queryEmailChanges({
      ...optionsOf(call, account, view, query),
      ...(state.indexed === undefined ? {} : { indexedUpTo: state.indexed }),
      since: since.modseq,
      ...(since.indexed === undefined ? {} : { indexed: { before: since.indexed, now: state.indexed! } }),
      ...(upTo === undefined ? {} : { upTo: upTo as MessageId }),
    })
    if (changes === 'unknown') throw cannotCalculate()
    const idOf = (number: MessageId): string => emailObjectId(number, account.idPrefix)
    return {
      newQueryState: formatQueryState(state),
      total: changes.total,
      removed: changes.removed.map(idOf),
      added: changes.added.map(({ id, index }) => ({ id: idOf(id), index })),
    }
  },
})

/** Not where rights have changed, nor where the index began again: what was to be found then is not known. */
function canCompare(since: EmailQueryState, now: EmailQueryState, { mailboxes }: EmailView): boolean {
  if (since.asker !== now.asker) return false
  if (now.asker !== undefined && mailboxes.some(({ grantsModseq }) => grantsModseq > since.modseq))
    return false
  if (since.indexed === undefined || now.indexed === undefined) return since.indexed === now.indexed
  return since.indexed <= now.indexed
}
