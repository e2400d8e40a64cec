/** urn:ietf:params:jmap:mail (RFC 8621 §1.3.1). */
import { maxDepth } from '#mail/mailbox-path.ts'
import type { Capability } from '../capability.ts'
import { mailboxGet } from '../methods/mailbox-get.ts'

export const mail: Capability = {
  urn: 'urn:ietf:params:jmap:mail',
  methods: [mailboxGet],
  session: () => ({}),
  account: (_services, { isPersonal }) => ({
    maxMailboxesPerEmail: null,
    maxMailboxDepth: maxDepth,
    maxSizeMailboxName: 255,
    maxSizeAttachmentsPerEmail: 50_000_000,
    emailQuerySortOptions: [],
    mayCreateTopLevelMailbox: isPersonal,
  }),
}
