/** urn:ietf:params:jmap:mdn (RFC 9007 §1.3). */
import type { Capability } from '../capability.ts'
import { mdnCapability } from '../mdn-object.ts'
import { mdnParse } from '../methods/mdn-parse.ts'
import { mdnSend } from '../methods/mdn-send.ts'

export const mdn: Capability = {
  urn: mdnCapability,
  methods: [mdnSend, mdnParse],
  session: () => ({}),
  account: () => ({}),
}
