/** An administrator with an account, who manages over JMAP. */
import assert from 'node:assert/strict'
import { makeStore, userAccess } from '#account/fixture.test.ts'
import { allPermissions, type Permission } from '#account/permission.ts'
import { TypeStates } from '#kv/type-states.ts'
import { PartSizes } from '#mail/part-sizes.ts'
import { noLimits } from '#mail/limits.ts'
import { SmimeStatuses } from '#mail/smime-status.ts'
import { testSubmitter } from '#mail/submission/test-submitter.ts'
import { AccountViews } from '#mail/view.ts'
import { stillQueue } from '#queue/fixture.test.ts'
import { LiveSettings } from '#registry/live.ts'
import { SearchIndexes } from '#search/indexes.ts'
import { settingsObjects } from '#server/catalog.ts'
import { buildManagement } from '#server/web/management.ts'
import { silentTelemetry } from '#telemetry/telemetry.ts'
import { KeptContents } from './email/kept-contents.ts'
import { accountObjectId } from './accounts.ts'
import { core } from './capabilities/jmap-core.ts'
import { managementCapability } from './capabilities/management.ts'
import { managementUrn } from './managed.ts'
import { PrincipalHistory } from './principal-history.ts'
import { RequestProcessor } from './processor.ts'
import type { JsonObject } from './value.ts'
import { newJmapRunning } from './running.ts'
import { Vapid } from './vapid.ts'

export async function makeManaged() {
  const store = makeStore()
  const { db, blobs, bus, accounts, clock } = store
  await accounts.createDomain({ name: 'example.org' })
  const boss = await accounts.createAccount({ name: 'boss@example.org', password: 'correct horse battery' })
  const settings = new LiveSettings(settingsObjects)
  const management = buildManagement({ ...store, settings, queue: stillQueue().queue })
  const telemetry = silentTelemetry
  const processor = new RequestProcessor({
    services: {
      db,
      blobs,
      views: new AccountViews({ db, budgetBytes: 1 << 20 }),
      indexes: new SearchIndexes({ db, bus, blobs, telemetry, budgetBytes: 1 << 20 }),
      states: new TypeStates(),
      smime: new SmimeStatuses({ db, blobs, clock, anchors: () => [] }),
      partSizes: new PartSizes(),
      contents: new KeptContents(1 << 20),
      principals: {
        groupsOf: async () => [],
        byId: async () => undefined,
        byName: async () => undefined,
      },
      principalHistory: new PrincipalHistory(),
      directory: { all: async () => [] },
      pathPrefixOf: () => '',
      limitsOf: async () => noLimits,
      submitter: testSubmitter({ db, blobs, bus, clock }),
      settings,
      clock,
      bus,
      vapid: new Vapid({ db, clock, contact: () => 'mailto:postmaster@example.org' }),
      running: newJmapRunning(),
    },
    capabilities: [core, managementCapability(management)],
    telemetry,
  })
  const accountId = accountObjectId(boss.id)
  /** One call by the administrator, or by somebody with other permissions. */
  const call = async (
    name: string,
    args: JsonObject,
    o: { permissions?: readonly Permission[]; expect?: string } = {},
  ): Promise<JsonObject> => {
    const permissions = new Set(o.permissions ?? allPermissions)
    const response = await processor.run(
      {
        access: { ...userAccess(boss.id, 'boss@example.org'), permissions },
        ip: '192.0.2.7',
        base: 'https://mail.example.org',
        signal: AbortSignal.timeout(60_000),
      },
      () => ({
        using: new Set(['urn:ietf:params:jmap:core', managementUrn]),
        methodCalls: [{ name, arguments: { accountId, ...args }, callId: 'c' }],
        createdIds: undefined,
      }),
    )
    const [answer] = response['methodResponses'] as unknown as [string, JsonObject, string][]
    assert.equal(answer![0], o.expect ?? name, JSON.stringify(answer![1]))
    return answer![1]
  }
  return { ...store, management, processor, call, boss, accountId }
}
