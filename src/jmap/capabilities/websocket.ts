/** urn:ietf:params:jmap:websocket (RFC 8887 §3). */
import type { Capability } from '../capability.ts'

export const websocket: Capability = {
  urn: 'urn:ietf:params:jmap:websocket',
  methods: [],
  session: (_services, base) => ({ url: `${base.replace(/^http/, 'ws')}/jmap/ws`, supportsPush: true }),
}
