/** What the main worker answers over HTTP: JMAP, the management and its API; for its own clients and those of others. */
import { mtaStsPolicy } from '#cert/settings.ts'
import { SmtpProber } from '#smtp/client/probe.ts'
import type { CertificatePair, CertificateSet } from '#net/certificate-set.ts'
import type { SocketProtocol } from '#net/protocol.ts'
import type { LiveSettings } from '#registry/live.ts'
import type { ServerTelemetry } from '#observe/telemetry.ts'
import { countedAdministrator } from '../services/counted-sign-in.ts'
import { buildJmap } from '../boot.ts'
import type { Services, WorkerOptions } from '../services/services.ts'
import { usesSelfSigned } from '../listeners/certificates.ts'
import { doctor } from '../diagnosis/doctor.ts'
import { httpFailed } from '../events.ts'
import { AdministratorSignIn } from './fallback-admin.ts'
import { recountName } from '../background/housekeeping.ts'
import { searchIndexes } from '../background/indexing.ts'
import { buildManagement } from './management.ts'
import { pushKeyRotator } from './push-key.ts'
import { systemSettings } from '../settings.ts'
import { authenticationTester } from '../diagnosis/troubleshoot-dmarc.ts'
import { deliveryTester } from '../diagnosis/troubleshoot.ts'
import { buildWeb, type WebOptions } from './web.ts'
import type { WebLineServices } from './web-line.ts'
import { hasDomain, zoneOf } from '../diagnosis/zone.ts'

interface MainGround extends WorkerOptions {
  readonly settings: LiveSettings
  readonly telemetry: ServerTelemetry
  readonly selfSigned: CertificatePair
  readonly certificates: CertificateSet
}

export interface MainWeb extends WebLineServices {
  readonly http: SocketProtocol
  readonly jmap: WebOptions['jmap']
}

export function buildMainWeb(
  ground: MainGround,
  services: Services,
  o: Pick<WebOptions, 'adminToken' | 'facts' | 'reload' | 'metrics' | 'notReady' | 'queue'>,
): MainWeb {
  const { settings, telemetry, clock, bus, directory, selfSigned, certificates } = ground
  const { store, hasher, passwords, signIn, rates, accounts, dns: resolver, dkimKeys } = services
  const { db } = store
  const hostname = (): string => settings.get(systemSettings).defaultHostname
  const zones = zoneOf({
    db,
    clock,
    resolver,
    settings,
    hostname,
    listeners: () => o.facts().listeners,
    certificates: () => (usesSelfSigned(settings) ? undefined : certificates),
  })
  const management = buildManagement({
    ...ground,
    db,
    accounts,
    passwords,
    signIn: countedAdministrator(signIn, rates),
    queue: o.queue,
  })
  const jmap = buildJmap(ground, services, { here: management })
  const { http, router } = buildWeb({
    ...o,
    settings,
    settingsObjects: settings.objects,
    telemetry,
    accounts,
    dns: resolver,
    zoneOf: zones,
    hasDomain: hasDomain(db),
    mtaSts: () => mtaStsPolicy(settings, hostname()),
    rotateDkim: (domain, rotation) => dkimKeys.rotate(domain, rotation),
    rotatePushKey: pushKeyRotator({ db, bus, clock }),
    examine: doctor({ db, clock, settings, resolver, directory, selfSigned, accounts, zoneOf: zones }),
    tryDelivery: deliveryTester({
      settings,
      accounts,
      telemetry,
      prober: new SmtpProber({ resolver, settings, hostname }),
    }),
    testAuthentication: authenticationTester({ settings, resolver, clock, hostname }),
    recount: (account) =>
      db.write([], async (tx) =>
        tx.schedule(recountName, account === undefined ? {} : { account }, clock.now()),
      ),
    searchIndexes: searchIndexes(db, bus),
    jmap,
    management,
    rates: services.rates,
    signIn: new AdministratorSignIn({ settings, signIn, passwords: hasher, telemetry }),
  })
  const onFailure = (error: unknown): void =>
    telemetry.emit(httpFailed, { error, request: '', path: 'asked by another worker' })
  return { http, router, jmap, processor: jmap.processor, management, onFailure }
}
