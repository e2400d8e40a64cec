/** urn:ietf:params:jmap:submission (RFC 8621 §1.3.2). */
import type { Capability } from '../capability.ts'
import { emailSubmissionChanges } from '../methods/email-submission-changes.ts'
import { emailSubmissionGet } from '../methods/email-submission-get.ts'
import { emailSubmissionQuery } from '../methods/email-submission-query.ts'
import { emailSubmissionQueryChanges } from '../methods/email-submission-query-changes.ts'
import { emailSubmissionSet } from '../methods/email-submission-set.ts'
import { identityChanges } from '../methods/identity-changes.ts'
import { identityGet } from '../methods/identity-get.ts'
import { identitySet } from '../methods/identity-set.ts'
import { identityOf } from '../accounts.ts'
import { sendsFor } from '../sending-account.ts'

export const submission: Capability = {
  urn: 'urn:ietf:params:jmap:submission',
  methods: [
    identityGet,
    identityChanges,
    identitySet,
    emailSubmissionGet,
    emailSubmissionChanges,
    emailSubmissionQuery,
    emailSubmissionQueryChanges,
    emailSubmissionSet,
  ],
  session: () => ({}),
  async account(services, { id }, access) {
    if (!sendsFor(await identityOf(services, access), id)) return undefined
    const { maxHoldMs, maxMessageBytes } = services.submitter.limits
    return {
      maxDelayedSend: Math.floor(maxHoldMs / 1000),
      submissionExtensions: {
        // How far ahead is said above; a date here would be another one each second.
        FUTURERELEASE: [],
        SIZE: [String(maxMessageBytes)],
        DSN: [],
        DELIVERBY: [],
      },
    }
  },
}
