/** What the DNS should have of a domain of this server, from what the server is now; and what it has. */
import { createHash, X509Certificate } from 'node:crypto'
import { dkimRecordName } from '#account/dkim-selector.ts'
import { dkimKeyTable, followDkim } from '#account/dkim-tables.ts'
import { domainDefaults, domainTable } from '#account/tables.ts'
import type { ZoneOptions } from '#admin/dns-records.ts'
import type { ListenerFacts } from '#admin/server-facts.ts'
import type { Clock } from '#base/clock.ts'
import { normaliseDomain } from '#base/domain-name.ts'
import { isLoopbackIp, parseIp } from '#base/ip.ts'
import { authorityOf } from '#cert/authorities.ts'
import { configuredKeys } from '#cert/configured-keys.ts'
import { checkRecords, isSeenFirst } from '#cert/dns-check.ts'
import { mtaStsPolicy } from '#cert/settings.ts'
import { type DomainFacts, type ServiceName, wantedRecords } from '#cert/dns-records.ts'
import type { Resolver } from '#dns/resolution.ts'
import type { Db } from '#kv/db.ts'
import type { Settings } from '#settings/object.ts'
import type { CertificateSet } from '#net/certificate-set.ts'

export interface ZoneDeps {
  readonly db: Db
  readonly clock: Clock
  readonly resolver: Resolver
  readonly settings: Pick<Settings, 'each' | 'get'>
  readonly hostname: () => string
  readonly listeners: () => readonly ListenerFacts[]
  /** Undefined as long as the only one is of our own making. */
  readonly certificates: () => Pick<CertificateSet, 'select'> | undefined
}

export const zoneOf =
  (deps: ZoneDeps): ZoneOptions['zoneOf'] =>
  async (domain, { check, signal }) => {
    const facts = await factsOf(deps, domain)
    if (facts === undefined) return undefined
    const records = wantedRecords(facts)
    const keys = facts.keys.map(({ selector, stage }) => ({ name: dkimRecordName(domain, selector), stage }))
    if (!check) return { records, keys }
    const { db, resolver, clock } = deps
    const checked = await checkRecords(records, { facts, resolver, signal, nowMs: clock.now() })
    // Whoever has just published a key need not wait until it is looked for again.
    if (checked.some(isSeenFirst)) await db.write([], async (tx) => followDkim(tx, domain, clock.now()))
    return { records, keys, checked }
  }

/** Whether mail of the domain comes here, by its own name or as the alias of another. */
export const hasDomain =
  (db: Db) =>
  async (domain: string): Promise<boolean> =>
    (await db.read((tx) => tx.get(domainTable, domain))) !== undefined

async function factsOf(deps: ZoneDeps, domain: string): Promise<DomainFacts | undefined> {
  const found = await deps.db.read(async (tx) => {
    const row = await tx.get(domainTable, domain)
    const own = row?.aliasOf === undefined ? row : await tx.get(domainTable, row.aliasOf)
    return own && { own, keys: await tx.list(dkimKeyTable, [domain]) }
  })
  if (found === undefined) return undefined
  const given = deps.hostname()
  const hostname = normaliseDomain(given) ?? given
  const policy = mtaStsPolicy(deps.settings, hostname)
  const shown = (deps.certificates()?.select(hostname) ?? []).map(
    ({ certificate }) => new X509Certificate(certificate),
  )
  return {
    domain,
    hostname,
    keys: [
      ...configuredKeys(deps.settings)
        .filter((one) => one.domain === domain)
        .map(({ selector, row }) => ({ selector, ...row })),
      ...found.keys.map(([[, selector], row]) => ({ selector, ...row })),
    ],
    reportUri: reportUri(found.own.reportAddressUri, domain),
    services: servicesOf(deps.listeners()),
    certificateKeys: shown.map(({ publicKey }) =>
      createHash('sha256')
        .update(publicKey.export({ type: 'spki', format: 'der' }))
        .digest(),
    ),
    mtaSts: policy.mode === 'none' ? undefined : policy,
    hasCertificate: (name) => hasCertificate(deps, name),
    hasWeb: deps
      .listeners()
      .some(
        ({ service, security, ip }) =>
          service === 'http' && security === 'tls' && !isLoopbackIp(parseIp(ip)!),
      ),
    authorities: [...new Set(shown.flatMap(({ issuer }) => authorityOf(issuer) ?? []))],
  }
}

function hasCertificate(deps: ZoneDeps, name: string): boolean {
  const wildcard = `*${name.slice(name.indexOf('.'))}`
  const offered = deps.certificates()?.select(name) ?? []
  return offered.some(({ names }) => names.includes(name) || names.includes(wildcard))
}

function reportUri(given: string = domainDefaults.reportAddressUri, domain: string): string | undefined {
  if (given === '') return undefined
  return given.includes('@') ? given : `${given}@${domain}`
}

/** What is bound to this machine alone, or is never encrypted, is for nobody else. */
function servicesOf(listeners: readonly ListenerFacts[]): DomainFacts['services'] {
  const found = new Map<ServiceName, number>()
  for (const { service, security, ip, port } of listeners) {
    if ((service !== 'imap' && service !== 'submission') || security === 'none') continue
    if (isLoopbackIp(parseIp(ip)!)) continue
    const base = service === 'imap' ? 'imap' : 'submission'
    const name: ServiceName = security === 'tls' ? `${base}s` : base
    if (!found.has(name)) found.set(name, port)
  }
  const order: readonly ServiceName[] = ['submissions', 'submission', 'imaps', 'imap']
  return order.flatMap((name) => (found.has(name) ? [{ name, port: found.get(name)! }] : []))
}
