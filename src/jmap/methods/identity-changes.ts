/** Identity/changes (RFC 8621 §6.2). */
import { identityObjectId } from '#mail/object-id.ts'
import type { IdentityId } from '#queue/submission-rows.ts'
import { assertSends } from '../sending-account.ts'
import { standardChanges } from '../standard-changes.ts'

export const identityChanges = standardChanges({
  type: 'Identity',
  using: 'urn:ietf:params:jmap:submission',
  standard: 'RFC 8621 §6.2',
  permission: 'jmapIdentityChanges',
  prepare: async ({ services }, account) => {
    assertSends(account)
    await services.submitter.followAddresses(account.id)
  },
  idOf: (account, number) => identityObjectId(number as IdentityId, account.idPrefix),
  visible: async (_call, found) => found,
})
