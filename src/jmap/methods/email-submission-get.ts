/** EmailSubmission/get (RFC 8621 §7.1). */
import { objectNumber } from '#mail/object-id.ts'
import { listSubmissions, readSubmission } from '#mail/submission/submission.ts'
import type { QueueId } from '#queue/tables.ts'
import { assertSends } from '../sending-account.ts'
import { standardGet } from '../standard-get.ts'
import { submissionObject, submissionProperties } from '../submission-object.ts'
import type { JsonObject } from '../value.ts'

export const emailSubmissionGet = standardGet({
  type: 'EmailSubmission',
  using: 'urn:ietf:params:jmap:submission',
  standard: 'RFC 8621 §7.1',
  permission: 'jmapEmailSubmissionGet',
  properties: submissionProperties,
  async read({ services }, account, { ids, properties, limit }) {
    assertSends(account)
    return services.db.read(async (tx) => {
      const state = account.stateOf(await services.states.read(tx, account.id, 'EmailSubmission'))
      const list: JsonObject[] = []
      if (ids === null) {
        for (const one of await listSubmissions(tx, account.id, limit + 1))
          list.push(await submissionObject(tx, account, one, properties))
      } else {
        for (const id of ids) {
          const number = objectNumber('S', id, account.idPrefix)
          const one =
            number === undefined ? undefined : await readSubmission(tx, account.id, number as QueueId)
          if (one !== undefined) list.push(await submissionObject(tx, account, one, properties))
        }
      }
      return { state, list }
    })
  },
})
