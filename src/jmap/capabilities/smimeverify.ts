/** urn:ietf:params:jmap:smimeverify (RFC 9219 §3): properties of emails, and conditions of their queries. */
import type { Capability } from '../capability.ts'
import { smimeUrn } from '../smime-filter.ts'

export const smimeverify: Capability = {
  urn: smimeUrn,
  methods: [],
  session: () => ({}),
  account: () => ({}),
}
