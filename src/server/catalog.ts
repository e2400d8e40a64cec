/**
 * The one list of everything that is declared: settings, events, gauges. What stands in a folder's
 * `settings.ts` or `events.ts` and not here does not exist (`catalog.test.ts` looks).
 */
import * as account from '#account/events.ts'
import { authentication } from '#account/settings.ts'
import * as cert from '#cert/events.ts'
import { certSettings } from '#cert/settings.ts'
import * as dns from '#dns/events.ts'
import { dnsResolver } from '#dns/settings.ts'
import { httpSettings } from '#http/settings.ts'
import * as imap from '#imap/events.ts'
import { imapSettings } from '#imap/settings.ts'
import * as jmap from '#jmap/events.ts'
import { jmapSettings } from '#jmap/settings.ts'
import { sharingSettings } from '#mail/settings.ts'
import * as net from '#net/events.ts'
import { networkListener } from '#net/settings.ts'
import * as observe from '#observe/events.ts'
import * as report from '#report/events.ts'
import { dmarcReportSettings, reportSettings } from '#report/settings.ts'
import * as registry from '#registry/events.ts'
import { tracer } from '#observe/settings.ts'
import type { AnyEventKind } from '#observe/telemetry.ts'
import type { AnySettingsObject } from '#settings/object.ts'
import * as queue from '#queue/events.ts'
import { queueSettings } from '#queue/settings.ts'
import { mtaConnection } from '#smtp/client/settings.ts'
import * as search from '#search/events.ts'
import { searchSettings } from '#search/settings.ts'
import * as smtp from '#smtp/events.ts'
import { smtpSettings } from '#smtp/settings.ts'
import * as tasks from '#tasks/events.ts'
import type { GaugeKind } from '#telemetry/gauge.ts'
import * as server from './events.ts'
import { serverSettings } from './settings.ts'

export const settingsObjects: readonly AnySettingsObject[] = [
  ...serverSettings,
  networkListener,
  ...certSettings,
  httpSettings,
  dnsResolver,
  tracer,
  ...smtpSettings,
  mtaConnection,
  ...queueSettings,
  reportSettings,
  dmarcReportSettings,
  imapSettings,
  jmapSettings,
  searchSettings,
  sharingSettings,
  authentication,
]

const declared = [
  account,
  cert,
  dns,
  imap,
  jmap,
  net,
  observe,
  queue,
  registry,
  report,
  search,
  smtp,
  tasks,
  server,
].flatMap((folder) => Object.values<AnyEventKind | GaugeKind>(folder))

export const gaugeKinds: readonly GaugeKind[] = declared.filter((kind) => 'workers' in kind)
export const eventKinds: readonly AnyEventKind[] = declared.filter((kind) => 'level' in kind)
