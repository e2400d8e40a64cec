/** Core/echo (RFC 8620 §4): the arguments come back. */
import type { JmapMethod } from '../method.ts'
import type { JsonObject } from '../value.ts'

export const coreEcho: JmapMethod = {
  name: 'Core/echo',
  using: 'urn:ietf:params:jmap:core',
  standard: 'RFC 8620 §4',
  arguments: {},
  takesAnything: true,
  required: [],
  call: async (_call, args) => [{ arguments: args as JsonObject }],
}
