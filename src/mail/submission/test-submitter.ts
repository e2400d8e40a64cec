/** A submitter for tests: of a world in which only some addresses are here, and all else is on other servers. */
import type { Resolution } from '#account/lookup.ts'
import { accountDefaults } from '#account/tables.ts'
import type { AccountId } from '#base/id.ts'
import { QueueIds } from '#queue/enqueue.ts'
import type { SettingsObject } from '#settings/object.ts'
import { fallbacksOf } from '#settings/values.ts'
import { silentTelemetry } from '#telemetry/telemetry.ts'
import type { SubmissionLimits } from './prepare.ts'
import { Submitter, type SubmitterOptions } from './submitter.ts'

export const testLimits: SubmissionLimits = {
  maxMessageBytes: 1_000_000,
  maxHeaderBytes: 65_536,
  maxRecipients: 100,
  maxReceivedFields: 50,
  mustMatchSender: true,
  maxHoldMs: 30 * 86_400_000,
}

export const fallbackSettings = {
  get: <F>(object: SettingsObject<F>): F => fallbacksOf(object.fields) as F,
  each: () => [],
}

/** Who has an address at example.org; nobody has what is not there. */
export const resolveAmong =
  (addresses: ReadonlyMap<string, AccountId>) =>
  async (address: string): Promise<Resolution> => {
    if (!address.toLowerCase().endsWith('@example.org')) return { kind: 'remote' }
    const plain = address.toLowerCase().replace(/\+[^@]*@/, '@')
    const id = addresses.get(plain) ?? addresses.get('*@example.org')
    if (id === undefined) return { kind: 'unknownUser' }
    const account = { ...accountDefaults, id, name: plain, emailAddress: plain }
    return { kind: 'local', account, address, mayReceive: !plain.startsWith('closed') }
  }

export function testSubmitter(
  o: Pick<SubmitterOptions, 'db' | 'blobs' | 'clock' | 'bus'> & Partial<SubmitterOptions>,
): Submitter {
  let messages = 0
  return new Submitter({
    hostname: () => 'mail.example.org',
    limits: () => testLimits,
    resolve: resolveAmong(new Map()),
    expand: async () => ({ accounts: [], others: [] }),
    keysOf: () => [],
    newMessageId: () => `new${++messages}@mail.example.org`,
    ids: new QueueIds(),
    settings: fallbackSettings as SubmitterOptions['settings'],
    telemetry: silentTelemetry,
    groupsOf: async () => [],
    ...o,
  })
}
