/**
 * Looks at what keeps mail from going and coming as it should: the way out, the names, the clock, the disk,
 * the certificate, each domain. It changes nothing, and says what it could not look at.
 */
import { statfs } from 'node:fs/promises'
import type { Resolution } from '#account/lookup.ts'
import type { ZoneOptions } from '#admin/dns-records.ts'
import type { DoctorOptions, Finding } from '#admin/doctor.ts'
import type { Clock } from '#base/clock.ts'
import { formatSize } from '#base/size.ts'
import { expiryOf } from '#cert/expiry.ts'
import { certificateFacts } from '#cert/inspect.ts'
import type { Resolver } from '#dns/resolution.ts'
import type { Db } from '#kv/db.ts'
import { relayFor } from '#queue/settings.ts'
import { listAudit } from '#registry/audit.ts'
import type { Settings } from '#settings/object.ts'
import { reachDomain } from '#smtp/client/reach.ts'
import { mtaConnection } from '#smtp/client/settings.ts'
import { certificatePairs, usesSelfSigned } from '../listeners/certificates.ts'
import {
  checkMx,
  checkNameServers,
  checkReverse,
  hostNameFinding,
  checkSpf,
  type DnsCheckDeps,
  ownAddresses,
} from './doctor-dns.ts'
import { checkPostmasters } from './doctor-postmaster.ts'
import { dkimFinding, dmarcFinding } from './doctor-signing.ts'
import { dataStore, systemSettings } from '../settings.ts'
import type { CertificatePair } from '#net/certificate-set.ts'

export interface DoctorDeps {
  readonly db: Db
  readonly clock: Clock
  readonly settings: Settings
  readonly resolver: Resolver
  readonly directory: string
  readonly selfSigned: CertificatePair
  readonly zoneOf: ZoneOptions['zoneOf']
  readonly accounts: {
    listDomains(): Promise<readonly { readonly name: string; readonly enabled: boolean }[]>
    resolve(recipient: string): Promise<Resolution>
  }
}

/** Of more domains the first ones are looked at. */
const mostDomains = 50
const atOnce = 10
const reachMs = 8000

export function doctor(deps: DoctorDeps): DoctorOptions['examine'] {
  return async ({ domain, signal }) => {
    const { settings, resolver } = deps
    const hostname = settings.get(systemSettings).defaultHostname
    const dns = { resolver, hostname, signal }
    const certificate = checkCertificate(deps, hostname)
    const all = (await deps.accounts.listDomains()).filter(({ enabled }) => enabled)
    const domains = all.slice(0, mostDomains).map(({ name }) => name)
    const postmasters = await checkPostmasters(domains, (address) => deps.accounts.resolve(address))
    const machine = [...postmasters, await checkDisk(deps), await checkClock(deps)]
    const nameServers = await checkNameServers(dns, domain)
    if (nameServers.result !== 'ok')
      return [nameServers, ...withoutDns(deps, domain, hostname), certificate, ...machine]

    const [wayOut, here] = await Promise.all([checkWayOut(deps, domain, signal), ownAddresses(dns)])
    const reverse = await Promise.all(here.ips.map((ip) => checkReverse(dns, ip)))
    const records = await checkDomains(deps, domains, dns, here.ips)
    const left = all.length - domains.length
    if (left > 0)
      records.push({ check: 'MX', result: 'skipped', said: `${left} more domains were not looked at` })
    return [nameServers, wayOut, here.finding, ...reverse, certificate, ...records, ...machine]
  }
}

/** Once, rather than for each domain. */
function withoutDns({ settings }: DoctorDeps, domain: string, hostname: string): readonly Finding[] {
  const { port } = settings.get(mtaConnection)
  const said = 'without the DNS no other server can be found'
  return [
    byRelay(settings, domain) ?? { check: `port ${port}`, of: domain, result: 'skipped', said },
    hostNameFinding(hostname) ?? {
      check: 'name',
      of: hostname,
      result: 'skipped',
      said: 'what the DNS says about this server and its domains cannot be looked at',
    },
  ]
}

async function checkWayOut(
  { settings, resolver }: DoctorDeps,
  domain: string,
  signal: AbortSignal,
): Promise<Finding> {
  const relayed = byRelay(settings, domain)
  if (relayed !== undefined) return relayed
  const { port } = settings.get(mtaConnection)
  const about = { check: `port ${port}`, of: domain }
  const { defaultHostname: ownName } = settings.get(systemSettings)
  const found = await reachDomain({ resolver, domain, port, ownName, timeoutMs: reachMs, signal })
  switch (found.kind) {
    case 'reached':
      return { ...about, result: 'ok', said: `${found.host} answers: ${found.said}` }
    case 'unknown':
      return {
        ...about,
        result: 'skipped',
        said: found.why,
        advice: 'Try it with another domain that surely takes mail: postern doctor --to example.net',
      }
    case 'unreached':
      return {
        ...about,
        result: 'problem',
        said: `other servers cannot be reached: ${found.tried.join('; ')}`,
        advice: `Ask the provider of this machine to open port ${port} outwards, or send by a relay (MtaRoute).`,
      }
  }
}

function byRelay(settings: Settings, domain: string): Finding | undefined {
  const relay = relayFor(settings, domain)
  if (relay === undefined) return undefined
  return {
    check: `port ${settings.get(mtaConnection).port}`,
    of: domain,
    result: 'skipped',
    said: `mail for others goes by the route "${relay.name}"`,
    advice: `Try it: postern troubleshoot delivery somebody@${domain}`,
  }
}

/** Whether it is right to the second cannot be told from here. That it was later already can. */
async function checkClock({ db, clock }: DoctorDeps): Promise<Finding> {
  const now = clock.now()
  const [newest] = await db.read((tx) => listAudit(tx, { limit: 1 }))
  const said = `this machine has ${new Date(now).toISOString().slice(0, 19)}Z`
  if (newest === undefined || newest[0][0] <= now)
    return {
      check: 'clock',
      result: 'ok',
      said: `${said}, which is not before anything that was written down`,
    }
  return {
    check: 'clock',
    result: 'problem',
    said: `${said}, but something was written down at ${new Date(newest[0][0]).toISOString()}`,
    advice: 'Set the clock and keep it set: `timedatectl set-ntp true`.',
  }
}

async function checkDisk({ directory, settings }: DoctorDeps): Promise<Finding> {
  const { bavail, bsize } = await statfs(directory)
  const free = bavail * bsize
  const { reserve } = settings.get(dataStore)
  const mebibytes = Math.floor(free / (1 << 20)) * (1 << 20)
  const said = `${formatSize(mebibytes)} are free, ${formatSize(reserve)} are kept in reserve (DataStore.reserve)`
  const advice = 'Make room, or give the data directory a larger disk.'
  if (free < reserve) return { check: 'disk', result: 'problem', said: `${said}: no mail is taken`, advice }
  if (free < reserve * 2)
    return { check: 'disk', result: 'problem', said: `${said}: soon no mail is taken`, advice }
  return { check: 'disk', result: 'ok', said }
}

function checkCertificate({ settings, selfSigned, clock }: DoctorDeps, hostname: string): Finding {
  const about = { check: 'certificate', of: hostname }
  if (usesSelfSigned(settings))
    return {
      ...about,
      result: 'problem',
      said: 'the certificate is one of our own making, which no program trusts',
      advice: `Get one for ${hostNameFinding(hostname) === undefined ? hostname : 'the name that it is to have'} and name its files in the configuration: [certificate.default] with cert = "%{file:/path/fullchain.pem}%" and private-key = "%{file:/path/privkey.pem}%".`,
    }
  const facts = certificatePairs(settings, selfSigned).map(({ certificate }) => certificateFacts(certificate))
  const fitting = facts.find((one) => one?.subjectAlternativeNames.some((name) => covers(name, hostname)))
  if (fitting === undefined)
    return {
      ...about,
      result: 'problem',
      said: `no certificate is for ${hostname}`,
      advice: `Add one that names ${hostname}, or set SystemSettings.defaultHostname to a name that it has.`,
    }
  const expiry = expiryOf(fitting, clock.now())
  if (expiry === undefined)
    return {
      ...about,
      result: 'ok',
      said: `good until ${new Date(fitting.notValidAfterMs).toISOString().slice(0, 10)}`,
    }
  const said = expiry.daysLeft < 0 ? 'the certificate has expired' : `it expires in ${expiry.daysLeft} days`
  return {
    ...about,
    result: 'problem',
    said,
    advice: 'Put a new one in its place; where it is in files, then `postern reload`.',
  }
}

/** RFC 9525 §6.3: a wildcard stands for one label. */
function covers(name: string, hostname: string): boolean {
  const wanted = hostname.toLowerCase()
  const given = name.toLowerCase()
  return given === wanted || (given.startsWith('*.') && wanted.slice(wanted.indexOf('.')) === given.slice(1))
}

async function checkDomains(
  { zoneOf }: DoctorDeps,
  domains: readonly string[],
  dns: DnsCheckDeps,
  ips: readonly string[],
): Promise<Finding[]> {
  const findings: Finding[] = []
  for (let at = 0; at < domains.length; at += atOnce) {
    const found = await Promise.all(
      domains.slice(at, at + atOnce).map(async (name) => {
        const mx = await checkMx(dns, name, ips)
        const spf = await checkSpf(dns, name, { ips, hasMx: mx.result === 'ok' })
        const zone = await zoneOf(name, { check: true, signal: dns.signal })
        // It may have been deleted meanwhile.
        if (zone?.checked === undefined) return [mx, spf]
        return [mx, spf, dkimFinding(name, zone.keys, zone.checked), dmarcFinding(name, zone.checked)]
      }),
    )
    findings.push(...found.flat())
  }
  return findings
}
