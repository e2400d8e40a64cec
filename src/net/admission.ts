/**
 * Counts the connections of a listener, in all and for each client network, and says when there are too many.
 */
import { formatIp, isLoopbackIp } from '#base/ip.ts'
import type { RefusalReason } from './trouble.ts'

export interface AdmissionLimits {
  readonly maxConnections: number
  /** Per client network; undefined where nobody said. */
  readonly maxPerAddress: number | undefined
}

/**
 * Of all connections, where nobody said how many one client may have: it does not keep the others out. This machine
 * has no such limit, since its own programs and proxies come from it.
 */
const usualShare = 4

export class Admission {
  readonly #perNetwork = new Map<string, number>()

  /** For one more, where there are `total` already; undefined where it may come in. */
  tooMany(ip: Uint8Array, total: number, limits: AdmissionLimits): RefusalReason | undefined {
    const { maxConnections, maxPerAddress } = limits
    if (total >= maxConnections) return 'tooManyConnections'
    const usual = isLoopbackIp(ip) ? Infinity : Math.ceil(maxConnections / usualShare)
    const present = this.#perNetwork.get(clientNetwork(ip)) ?? 0
    return present >= (maxPerAddress ?? usual) ? 'tooManyFromAddress' : undefined
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
