/**
 * Counts the connections of a listener, in all and for each client network, and says when there are too many.
 */
import { formatIp } from '#base/ip.ts'
import type { RefusalReason } from './trouble.ts'

export interface AdmissionLimits {
  readonly maxConnections: number
  /** Per client network. */
  readonly maxPerAddress: number
}

export class Admission {
  readonly #perNetwork = new Map<string, number>()

  /** For one more, where there are `total` already; undefined where it may come in. */
  tooMany(network: string, total: number, limits: AdmissionLimits): RefusalReason | undefined {
    if (total >= limits.maxConnections) return 'tooManyConnections'
    if ((this.#perNetwork.get(network) ?? 0) >= limits.maxPerAddress) return 'tooManyFromAddress'
    return undefined
  }

  enter(network: string): void {
    this.#perNetwork.set(network, (this.#perNetwork.get(network) ?? 0) + 1)
  }

  leave(network: string): void {
    const left = this.#perNetwork.get(network)! - 1
    if (left === 0) this.#perNetwork.delete(network)
    else this.#perNetwork.set(network, left)
  }
}

/** What counts as one client: an IPv4 address, or the /64 that one IPv6 site has at least. */
export function clientNetwork(ip: Uint8Array): string {
  if (ip.length === 4) return formatIp(ip)
  const network = new Uint8Array(16)
  network.set(ip.subarray(0, 8))
  return formatIp(network)
}
