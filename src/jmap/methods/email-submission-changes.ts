/** EmailSubmission/changes (RFC 8621 §7.2). */
import { submissionObjectId } from '#mail/object-id.ts'
import type { QueueId } from '#queue/tables.ts'
import { assertSends } from '../sending-account.ts'
import { standardChanges } from '../standard-changes.ts'

export const emailSubmissionChanges = standardChanges({
  type: 'EmailSubmission',
  using: 'urn:ietf:params:jmap:submission',
  standard: 'RFC 8621 §7.2',
  permission: 'jmapEmailSubmissionChanges',
  prepare: async (_call, account) => assertSends(account),
  idOf: (account, number) => submissionObjectId(number as QueueId, account.idPrefix),
  visible: async (_call, found) => found,
})
