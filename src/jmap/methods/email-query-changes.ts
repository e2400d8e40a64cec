/** Email/queryChanges (RFC 8621 §4.5). */
import type { MessageId } from '#base/id.ts'
import { accountPast } from '#mail/account-past.ts'
import { readEmails } from '#mail/email.ts'
import { queryEmailChanges, type SeenBefore } from '#mail/email-query/changes.ts'
import type { EmailView } from '#mail/email-view.ts'
import { emailObjectId, objectNumber } from '#mail/object-id.ts'
import { accountAs, type OpenAccount } from '../accounts.ts'
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
import type { Call } from '../method.ts'
import { usesSmime } from '../smime-filter.ts'
import { cannotCalculate } from '../standard-changes.ts'
import { standardQueryChanges } from '../standard-query-changes.ts'
import { VisiblePast } from '../visible-past.ts'
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
    if (since === undefined || !canCompare(since, state)) throw cannotCalculate()
    const before = await seenBefore(call, account, view, since)
    const upTo = asked.upToId === undefined ? undefined : objectNumber('M', asked.upToId, account.idPrefix)
    const changes = await queryEmailChanges({
      ...optionsOf(call, account, view, query),
      ...(state.indexed === undefined ? {} : { indexedUpTo: state.indexed }),
      since: since.modseq,
      ...(before === undefined ? {} : { before }),
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

/** Not where the index began again: what was to be found then is not known. */
function canCompare(since: EmailQueryState, now: EmailQueryState): boolean {
  if (since.indexed === undefined || now.indexed === undefined) return since.indexed === now.indexed
  return since.indexed <= now.indexed
}

/** What could be seen at a state; undefined where that was, and is, everything. Throws MethodError `cannotCalculateChanges`. */
async function seenBefore(
  { services: { db } }: Call,
  now: OpenAccount,
  { mailboxes }: EmailView,
  { modseq: since, asker }: EmailQueryState,
): Promise<SeenBefore | undefined> {
  if (!now.isOwn && asker === undefined) throw cannotCalculate()
  const { before, past } = await db.read(async (tx) => ({
    before: asker === undefined ? now : await accountAs(tx, now, asker),
    past: await accountPast(tx, now.id, mailboxes, since, () => false),
  }))
  if (before === undefined || past === 'tooOld') throw cannotCalculate()
  const readable = new Set(past.filter((one) => before.mayRead(one)).map(({ id }) => id))
  if (now.isOwn && past.every(({ id }) => readable.has(id)) && mailboxes.every((one) => now.mayRead(one)))
    return undefined
  return {
    mayRead: ({ id }) => readable.has(id),
    saw: (ids) =>
      db.read(async (tx) => {
        const visible = await VisiblePast.read(tx, { since, before, now })
        const rows = await readEmails(tx, now.id, ids)
        return ids.map((id, i) => visible.readsAll || visible.saw(id, rows[i]) !== false)
      }),
  }
}
