/** The way of stored messages to others, with the limits and keys of submission over SMTP. */
import { randomBytes } from 'node:crypto'
import { groupsOf } from '#account/access.ts'
import { accountRowTable } from '#account/tables.ts'
import { Submitter } from '#mail/submission/submitter.ts'
import { QueueIds } from '#queue/enqueue.ts'
import { readLimits } from '#smtp/settings.ts'
import type { Services, WorkerOptions } from './services.ts'
import { systemSettings } from '../settings.ts'

export function buildSubmitter(
  { bus, clock, settings, telemetry }: WorkerOptions,
  { accounts, signingKeys, store: { db, blobs } }: Services,
): Submitter {
  const hostname = (): string => settings.get(systemSettings).defaultHostname
  return new Submitter({
    db,
    blobs,
    bus,
    clock,
    settings,
    telemetry,
    hostname,
    limits: () => readLimits(settings),
    resolve: (address) => accounts.resolve(address),
    expand: (list) => accounts.expand(list),
    keysOf: (domain) => signingKeys.keysOf(domain),
    newMessageId: () => `${randomBytes(12).toString('hex')}@${hostname()}`,
    ids: new QueueIds(),
    groupsOf: (id) =>
      db.read(async (tx) => {
        const row = await tx.get(accountRowTable, id)
        return row === undefined ? [] : groupsOf(tx, row)
      }),
  })
}
