/** urn:ietf:params:jmap:quota (RFC 9425 §2). */
import type { Capability } from '../capability.ts'
import { quotaChanges } from '../methods/quota-changes.ts'
import { quotaGet } from '../methods/quota-get.ts'
import { quotaQuery } from '../methods/quota-query.ts'
import { quotaQueryChanges } from '../methods/quota-query-changes.ts'
import { quotaCapability } from '../quota.ts'

export const quota: Capability = {
  urn: quotaCapability,
  methods: [quotaGet, quotaChanges, quotaQuery, quotaQueryChanges],
  session: () => ({}),
  account: () => ({}),
}
