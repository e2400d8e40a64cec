/** A capability as the session tells it (RFC 8620 §2), and the methods that come with it. */
import type { Access } from '#account/access.ts'
import type { SeenAccount } from './accounts.ts'
import type { JmapMethod } from './method.ts'
import type { JmapServices } from './services.ts'
import type { JsonObject } from './value.ts'

export interface Capability {
  readonly urn: string
  readonly methods: readonly JmapMethod[]
  /** In `capabilities`, for one that requests can use. `base` is the address of the server, without a slash at its end. */
  session?(services: JmapServices, base: string): Promise<JsonObject> | JsonObject
  /** In the `accountCapabilities` of an account; undefined where the account has it not. */
  account?(
    services: JmapServices,
    account: SeenAccount,
    access: Access,
  ): Promise<JsonObject | undefined> | JsonObject | undefined
}
