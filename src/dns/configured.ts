/**
 * The resolver as settings want it. When they change, or the system's list of servers does, the next question
 * goes to the new servers, and what the old ones said is forgotten; questions under way end where they began.
 */
import type { Clock } from '#base/clock.ts'
import type { Settings } from '#settings/object.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import type { CacheLimits } from './cache.ts'
import { resolvConfUnreadable } from './events.ts'
import { NameServer, type NameServerAddress } from './name-server.ts'
import { publicServers } from './public-services.ts'
import type { RecordOf, RecordType } from './record.ts'
import { SystemServers } from './resolv-conf.ts'
import { CachingResolver } from './resolver.ts'
import type { Resolution, Resolver } from './resolution.ts'
import { dnsResolver } from './settings.ts'
import { Upstream } from './upstream.ts'

const usualPort = { udp: 53, tcp: 53, tls: 853, https: 443 } as const

export interface ResolverOptions {
  readonly settings: Settings
  readonly telemetry: Telemetry
  readonly clock: Clock
  /** Another file than that of the system. */
  readonly resolvConf?: string
}

export class ConfiguredResolver implements Resolver, Disposable {
  readonly #o: ResolverOptions
  readonly #system: SystemServers
  readonly #resolver: CachingResolver
  readonly #watch: Disposable
  /** Undefined where those of the system are asked. */
  #fixed: readonly NameServerAddress[] | undefined
  #open: { readonly from: readonly NameServerAddress[]; readonly upstream: Upstream } | undefined

  constructor(o: ResolverOptions) {
    const { settings, telemetry, clock, resolvConf: path = '/etc/resolv.conf' } = o
    this.#o = o
    this.#system = new SystemServers(path, clock, (reason) =>
      telemetry.emit(resolvConfUnreadable, { path, reason }),
    )
    this.#fixed = this.#readServers()
    this.#resolver = new CachingResolver({ ...o, upstream: () => this.#upstream(), limits: this.#limits() })
    this.#watch = settings.onChange(dnsResolver, () => {
      this.#fixed = this.#readServers()
      this.#open = undefined
      this.#resolver.forget(this.#limits())
    })
  }

  resolve<T extends RecordType>(
    name: string,
    type: T,
    o?: { readonly signal?: AbortSignal; readonly fresh?: boolean },
  ): Promise<Resolution<RecordOf<T>>> {
    return this.#resolver.resolve(name, type, o)
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]()
    this.#resolver[Symbol.dispose]()
    this.#open?.upstream[Symbol.dispose]()
  }

  /** Connections of the one before end by themselves when nothing was asked on them for a while. */
  async #upstream(): Promise<Upstream> {
    const from = this.#fixed ?? (await this.#system.current())
    if (this.#open?.from === from) return this.#open.upstream
    if (this.#open !== undefined) this.#resolver.forget(this.#limits())
    const upstream = this.#build(from)
    this.#open = { from, upstream }
    return upstream
  }

  #build(from: readonly NameServerAddress[]): Upstream {
    const { enableEdns, attempts, timeout, deadline, concurrency, tcpOnError } = this.#values()
    const { clock } = this.#o
    return new Upstream({
      servers: from.map((address) => new NameServer(address, { edns: enableEdns, clock })),
      attempts,
      timeoutMs: timeout,
      deadlineMs: deadline,
      concurrency,
      tcpOnError,
    })
  }

  #readServers(): readonly NameServerAddress[] | undefined {
    const { type, servers, useTls } = this.#values()
    if (type === 'system' || (type === 'custom' && servers.length === 0)) return undefined
    if (type !== 'custom') return publicServers(type, useTls)
    return servers.map(({ tlsAuthorities: authorities, port, ...server }) => ({
      ...server,
      authorities,
      port: port ?? usualPort[server.protocol],
    }))
  }

  #limits(): CacheLimits {
    const { cacheSize: bytes, minTtl: minTtlMs, maxTtl: maxTtlMs, maxNegativeTtl } = this.#values()
    return { bytes, minTtlMs, maxTtlMs, maxNegativeTtlMs: maxNegativeTtl }
  }

  #values() {
    return this.#o.settings.get(dnsResolver)
  }
}
