/** urn:ietf:params:jmap:webpush-vapid (RFC 9749 §3). */
import type { Capability } from '../capability.ts'

export const webPushVapid: Capability = {
  urn: 'urn:ietf:params:jmap:webpush-vapid',
  methods: [],
  session: async ({ vapid }) => ({ applicationServerKey: await vapid.publicKey() }),
}
