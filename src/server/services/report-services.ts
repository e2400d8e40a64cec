/** What each worker needs to report about mail: it counts, tells of failures, and puts reports into the queue. */
import type { Accounts } from '#account/account.ts'
import type { Clock } from '#base/clock.ts'
import type { Bus } from '#bus/bus.ts'
import type { SigningKeys } from '#cert/signing-keys.ts'
import type { AuthResolver } from '#mailauth/resolver.ts'
import { QueueIds } from '#queue/enqueue.ts'
import type { CheckedMessage } from '#report/aggregate-record.ts'
import { FailureReporter } from '#report/failure-reporter.ts'
import { Outbox } from '#report/outbox.ts'
import { ReportRecorder } from '#report/recorder.ts'
import type { Settings } from '#settings/object.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import { systemSettings } from '../settings.ts'
import type { Store } from '../store/store.ts'
import { version } from '../version.ts'

export interface ReportServices extends AsyncDisposable {
  readonly outbox: Outbox
  /** At once, and never throws. */
  record(message: CheckedMessage): void
}

export function buildReports(o: {
  readonly store: Store
  readonly bus: Bus
  readonly clock: Clock
  readonly settings: Settings
  readonly telemetry: Telemetry
  readonly accounts: Accounts
  readonly resolver: AuthResolver
  readonly signingKeys: SigningKeys
}): ReportServices {
  const { settings, accounts, signingKeys } = o
  const { db, blobs } = o.store
  const hostname = (): string => settings.get(systemSettings).defaultHostname
  const outbox = new Outbox({
    ...o,
    db,
    blobs,
    ids: new QueueIds(),
    hostname,
    defaultDomain: async () => (await accounts.listDomains())[0]?.name,
    keysOf: (domain) => signingKeys.keysOf(domain),
  })
  const recorder = new ReportRecorder({ ...o, db })
  const failures = new FailureReporter({ ...o, db, outbox, hostname, userAgent: `Postern/${version}` })
  return {
    outbox,
    record(message) {
      recorder.record(message)
      failures.record(message)
    },
    async [Symbol.asyncDispose]() {
      await recorder[Symbol.asyncDispose]()
      await failures[Symbol.asyncDispose]()
    },
  }
}
