/** Email/query (RFC 8621 §4.4). */
import { type EmailQuery, type EmailQueryOptions, queryEmails } from '#mail/email-query/query.ts'
import type { EmailView } from '#mail/email-view.ts'
import { emailObjectId, objectNumber } from '#mail/object-id.ts'
import type { MessageId } from '#base/id.ts'
import type { OpenAccount } from '../accounts.ts'
import {
  emailConditions,
  emailQueryFields,
  emailQueryOf,
  emailQueryState,
  emailSortFields,
  emailSorts,
  formatQueryState,
} from '../email-query-arguments.ts'
import type { Call } from '../method.ts'
import { smimeSets, usesSmime } from '../smime-filter.ts'
import { type QueryWindow, standardQuery } from '../standard-query.ts'

export const emailQuery = standardQuery({
  type: 'Email',
  using: 'urn:ietf:params:jmap:mail',
  standard: 'RFC 8621 §4.4',
  permission: 'jmapEmailQuery',
  conditions: emailConditions,
  sorts: emailSorts,
  sortFields: emailSortFields,
  more: emailQueryFields,
  async run(call, account, asked, args) {
    const view = await (await call.services.views.open(account.id)).loadEmails()
    const sets = await smimeSets(call, account, view, asked.filter)
    const query = emailQueryOf(call, account, asked, args, sets)
    const state = await emailQueryState(call, account, view, query)
    const { slots, total } = await queryEmails({
      ...optionsOf(call, account, view, query),
      ...(state.indexed === undefined ? {} : { indexedUpTo: state.indexed }),
      ...wanted(asked.window),
    })
    return {
      queryState: formatQueryState(state),
      // RFC 9219 §4.3: what was a sign once may be none later, without a trace in the log until somebody asks.
      canCalculateChanges: !usesSmime(asked.filter),
      total,
      slice: (from, to) =>
        Array.from(slots.subarray(from, to), (slot) =>
          emailObjectId(view.ids[slot]! as MessageId, account.idPrefix),
        ),
      indexOf(id) {
        const number = objectNumber('M', id, account.idPrefix)
        return number === undefined ? -1 : slots.indexOf(view.slotOf(number))
      },
    }
  },
})

/** What `mail/` needs for a query. */
export const optionsOf = (
  { services, signal }: Call,
  account: OpenAccount,
  view: EmailView,
  query: EmailQuery,
): EmailQueryOptions => ({
  db: services.db,
  blobs: services.blobs,
  indexes: services.indexes,
  account: account.id,
  view,
  query,
  mayRead: (mailbox) => account.mayRead(mailbox),
  signal,
})

/** Where the place depends on the whole result, all of it is. */
const wanted = ({
  position,
  limit,
  needsTotal,
}: QueryWindow): Pick<EmailQueryOptions, 'first' | 'needsTotal'> =>
  position === undefined ? {} : { first: position + limit, needsTotal }
