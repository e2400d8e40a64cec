/** Mailboxes can be shared as RFC 9670 says: `shareWith` and `mayShare` are there for whoever uses it. */
import type { Capability } from '../capability.ts'
import { mailShare as urn } from '../mailbox-object.ts'

export const mailShare: Capability = { urn, methods: [], session: () => ({}), account: () => ({}) }
