/** What the tests of this folder share: a resolver that asks servers of the harness. */
import { fixedClock } from '#base/clock.ts'
import { silentTelemetry } from '#telemetry/telemetry.ts'
import type { TestDns } from '../../test/harness/dns.ts'
import type { CacheLimits } from './cache.ts'
import { NameServer, type NameServerAddress } from './name-server.ts'
import { CachingResolver } from './resolver.ts'
import { Upstream, type UpstreamOptions } from './upstream.ts'

export const at = (dns: TestDns, o: Partial<NameServerAddress> = {}): NameServerAddress => ({
  address: '127.0.0.1',
  port: o.protocol === 'tls' ? dns.tlsPort : dns.port,
  protocol: 'udp',
  trusted: false,
  ...o,
})

export const limits: CacheLimits = {
  bytes: 1 << 20,
  minTtlMs: 0,
  maxTtlMs: 86_400_000,
  maxNegativeTtlMs: 3_600_000,
}

/** Its clock stands still. One attempt of a minute, which no test waits for, where nothing else is said. */
export function makeResolver(
  addresses: readonly NameServerAddress[],
  o: Partial<UpstreamOptions & { limits: CacheLimits; edns: boolean }> = {},
) {
  const clock = fixedClock(1_700_000_000_000)
  const servers = addresses.map((one) => new NameServer(one, { edns: o.edns ?? true, clock }))
  const upstream = new Upstream({
    servers,
    attempts: 1,
    timeoutMs: 60_000,
    deadlineMs: 60_000,
    concurrency: 1,
    tcpOnError: true,
    ...o,
  })
  const resolver = new CachingResolver({
    upstream: async () => upstream,
    limits: o.limits ?? limits,
    telemetry: silentTelemetry,
    clock,
  })
  return Object.assign(resolver, {
    clock,
    servers,
    [Symbol.dispose]: () => {
      CachingResolver.prototype[Symbol.dispose].call(resolver)
      upstream[Symbol.dispose]()
    },
  })
}
