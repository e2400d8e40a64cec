/** urn:ietf:params:jmap:mail (RFC 8621 §1.3.1). */
import { maxEntries } from '#mail/copy.ts'
import { maxDepth, maxNameBytes } from '#mail/mailbox-path.ts'
import type { Capability } from '../capability.ts'
import { emailSorts } from '../email-query-arguments.ts'
import { emailQueryChanges } from '../methods/email-query-changes.ts'
import { emailQuery } from '../methods/email-query.ts'
import { mostAttachmentBytes } from '../email/create.ts'
import { emailChanges } from '../methods/email-changes.ts'
import { emailCopy } from '../methods/email-copy.ts'
import { emailImport } from '../methods/email-import.ts'
import { emailParse } from '../methods/email-parse.ts'
import { emailSet } from '../methods/email-set.ts'
import { mailboxChanges } from '../methods/mailbox-changes.ts'
import { emailGet } from '../methods/email-get.ts'
import { mailboxGet } from '../methods/mailbox-get.ts'
import { mailboxQueryChanges } from '../methods/mailbox-query-changes.ts'
import { mailboxQuery } from '../methods/mailbox-query.ts'
import { mailboxSet } from '../methods/mailbox-set.ts'
import { searchSnippetGet } from '../methods/search-snippet-get.ts'
import { threadChanges } from '../methods/thread-changes.ts'
import { threadGet } from '../methods/thread-get.ts'

export const mail: Capability = {
  urn: 'urn:ietf:params:jmap:mail',
  methods: [
    mailboxGet,
    mailboxChanges,
    mailboxQuery,
    mailboxQueryChanges,
    mailboxSet,
    threadGet,
    threadChanges,
    emailGet,
    emailQuery,
    emailQueryChanges,
    searchSnippetGet,
    emailChanges,
    emailSet,
    emailCopy,
    emailImport,
    emailParse,
  ],
  session: () => ({}),
  account: (_services, { mayCreateAtTop }) => ({
    maxMailboxesPerEmail: maxEntries,
    maxMailboxDepth: maxDepth,
    maxSizeMailboxName: maxNameBytes,
    maxSizeAttachmentsPerEmail: mostAttachmentBytes,
    emailQuerySortOptions: [...emailSorts],
    mayCreateTopLevelMailbox: mayCreateAtTop,
  }),
}
