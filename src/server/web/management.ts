/** Every kind of object that is managed, with what its handler needs. */
import type { Accounts } from '#account/account.ts'
import { passwordTable } from '#account/credential-tables.ts'
import {
  AccountHandler,
  type AccountHandlerOptions,
  type NewPassword,
} from '#account/objects/account-handler.ts'
import { AccountPasswordHandler } from '#account/objects/account-password-handler.ts'
import { AccountSettingsHandler } from '#account/objects/account-settings-handler.ts'
import { CredentialHandler } from '#account/objects/credential-handler.ts'
import { DomainHandler } from '#account/objects/domain-handler.ts'
import { ListHandler } from '#account/objects/list-handler.ts'
import { RoleHandler } from '#account/objects/role-handler.ts'
import type { PasswordPolicy } from '#account/password-policy.ts'
import type { SignIn } from '#account/sign-in.ts'
import { looksLikeHash } from '#account/verifiers/stored-hash.ts'
import type { Bus } from '#bus/bus.ts'
import type { Clock } from '#base/clock.ts'
import { DkimSignatureHandler } from '#cert/dkim-signature-handler.ts'
import type { Db } from '#kv/db.ts'
import { quotaUsage } from '#mail/mailbox.ts'
import type { QueueControl } from '#queue/control.ts'
import { QueueHandler } from '#queue/queue-handler.ts'
import type { LiveSettings } from '#registry/live.ts'
import { AuditHandler } from '#registry/audit-handler.ts'
import { Management } from '#registry/management.ts'
import { InternalReportHandler } from '#report/internal-report-handler.ts'
import { receivedDmarc } from '#report/received-dmarc.ts'
import { receivedFeedback } from '#report/received-feedback.ts'
import { ReceivedReportHandler } from '#report/received-handler.ts'
import { settingsHandlers } from '#registry/settings-handler.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import { refuseListener } from '../listeners/refuse-listener.ts'
import { dataRetention } from '../settings.ts'

export interface ManagementOptions {
  readonly db: Db
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly accounts: Accounts
  readonly passwords: PasswordPolicy
  readonly settings: LiveSettings
  readonly bus: Bus
  readonly signIn: Pick<SignIn, 'administrator'>
  readonly queue: QueueControl
}

export function buildManagement(o: ManagementOptions): Management {
  const { db, accounts, passwords, clock } = o
  // Administrators move accounts here with the hashes of another server.
  const newPassword: NewPassword = async (given, about) => {
    const row = looksLikeHash(given)
      ? await passwords.acceptHash(given, clock.now())
      : await passwords.accept(given, about, clock.now())
    return (tx, account) => tx.put(passwordTable, [account], row)
  }
  const keepReports = (): number => o.settings.get(dataRetention).holdMtaReportsFor
  const usedBytes: AccountHandlerOptions['usedBytes'] = async (tx, account) =>
    (await quotaUsage(tx, account)).usedBytes
  return new Management({
    ...o,
    handlers: [
      new AccountHandler({ ...o, newPassword, usedBytes }),
      new AccountPasswordHandler(o),
      new AccountSettingsHandler(accounts),
      new CredentialHandler('apiKey', o),
      new CredentialHandler('appPassword', o),
      new DkimSignatureHandler(o),
      new DomainHandler(o),
      new ListHandler(o),
      new RoleHandler(o),
      new QueueHandler(o),
      new InternalReportHandler(o),
      new ReceivedReportHandler(receivedDmarc, { db, keepReports }),
      new ReceivedReportHandler(receivedFeedback, { db, keepReports }),
      new AuditHandler(db),
      ...settingsHandlers({ ...o, refuse: refuseListener(o.settings) }),
    ],
  })
}
