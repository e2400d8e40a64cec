/** Where a recipient goes: into a mailbox here, to the server of a route, or to those that DNS names. */
import { domainPart, normaliseDomain } from '#base/domain-name.ts'
import type { Maybe } from '#base/maybe.ts'
import type { Settings } from '#settings/object.ts'
import { relayFor } from './settings.ts'
import type { Destination } from './transport.ts'

/** Our own are one destination: they share the slots of their queue and are never unreachable together. */
const here: Destination = { key: 'local', route: { kind: 'local' } }

export interface RouteDeps {
  readonly settings: Pick<Settings, 'each'>
  /** Whether the address is in a domain of ours. */
  readonly isLocal: (address: string) => Maybe<boolean>
}

export async function destinationOf({ settings, isLocal }: RouteDeps, address: string): Promise<Destination> {
  if (await isLocal(address)) return here
  const given = domainPart(address)
  // A reverse-path is as its sender wrote it.
  const domain = normaliseDomain(given) ?? given
  const relay = relayFor(settings, domain)
  return relay === undefined
    ? { key: domain, route: { kind: 'mx', domain } }
    : { key: `relay ${relay.name}`, route: { kind: 'relay', ...relay } }
}
