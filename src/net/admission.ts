/**
 * Counts the connections of a listener, in all and for each client network, and lets no more in than there may be.
 */
import { formatIp, isLoopbackIp } from '#base/ip.ts'
import type { RunningCount } from '#base/running-count.ts'

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
  readonly #listener: string
  readonly #present: RunningCount<string>

  /** `present` is of all listeners, those of the same name at other workers included. */
  constructor(listener: string, present: RunningCount<string>) {
    this.#listener = listener
    this.#present = present
  }

  /** A place for one more, whoever it is; undefined where there are too many. */
  enter({ maxConnections }: AdmissionLimits): Disposable | undefined {
    return this.#present.take(this.#listener, maxConnections)
  }

  /** As `enter`, among those of its network. */
  enterFrom(ip: Uint8Array, { maxConnections, maxPerAddress }: AdmissionLimits): Disposable | undefined {
    const usual = isLoopbackIp(ip) ? Infinity : Math.ceil(maxConnections / usualShare)
    return this.#present.take(`${this.#listener} ${clientNetwork(ip)}`, maxPerAddress ?? usual)
  }
}

/** What counts as one client: an IPv4 address, or the /64 that one IPv6 site has at least. */
export function clientNetwork(ip: Uint8Array): string {
  if (ip.length === 4) return formatIp(ip)
  const network = new Uint8Array(16)
  network.set(ip.subarray(0, 8))
  return formatIp(network)
}
