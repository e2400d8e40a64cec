/** Accounts that send: with addresses, drafts, a queue that delivers here, and other servers that do as told. */
import assert from 'node:assert/strict'
import { accountDefaults, accountRowTable } from '#account/tables.ts'
import type { AccountId, MessageId } from '#base/id.ts'
import { applyDelivery, planDelivery } from '#mail/deliver.ts'
import { expungeMessages } from '#mail/expunge.ts'
import { noLimits } from '#mail/limits.ts'
import { inboxId } from '#mail/mailbox.ts'
import { MailboxTransport } from '#mail/local-transport.ts'
import { emailObjectId, objectNumber } from '#mail/object-id.ts'
import { readMessage } from '#mail/message-bytes.ts'
import { messageTable, structureTable } from '#mail/tables.ts'
import { parseStructure } from '#message/mime.ts'
import { encodeStructure } from '#message/structure-codec.ts'
import { fallbackSettings, resolveAmong } from '#mail/submission/test-submitter.ts'
import { submissionReportTask } from '#mail/submission/reports.ts'
import { TaskScheduler } from '#tasks/scheduler.ts'
import { attempt } from '#queue/attempt.ts'
import { QueueIds } from '#queue/enqueue.ts'
import { attemptAt } from '#queue/fixture.test.ts'
import { QueueManager } from '#queue/manager.ts'
import { notify } from '#queue/notify.ts'
import { destinationOf } from '#queue/route.ts'
import type { Job, RecipientResult } from '#queue/transport.ts'
import type { Settings } from '#settings/object.ts'
import { silentTelemetry as telemetry } from '#telemetry/telemetry.ts'
import { account, createdAt } from '../../test/harness/memory-accounts.ts'
import { JmapTestServer } from './fixture.test.ts'
import type { JsonObject } from './value.ts'

export const bob = 8 as AccountId

export interface Sent {
  readonly from: string
  readonly to: readonly string[]
  readonly text: string
  readonly job: Job
}

/** Fred is the first account of the server, Bob has an address here as well. */
export class SendingTest implements AsyncDisposable {
  readonly server: JmapTestServer
  readonly sent: Sent[] = []
  /** What another server answers to a recipient. */
  readonly taken = taken
  answer: (address: string) => RecipientResult | Promise<RecipientResult> = () => taken
  #manager: QueueManager | undefined

  private constructor(server: JmapTestServer) {
    this.server = server
  }

  static async start(): Promise<SendingTest> {
    const server = await JmapTestServer.start()
    const test = new SendingTest(server)
    await server.add(bob, 'bob@example.org')
    server.addresses.set('bob@example.org', bob)
    await test.setAddresses(account, ['fred@example.org'], 'Fred F.')
    return test
  }

  /** Of an account or a group; `@example.org` for all that nobody has. */
  async setAddresses(id: AccountId, addresses: readonly string[], description = ''): Promise<void> {
    const all = this.server.addresses
    for (const [address, owner] of all) if (owner === id) all.delete(address)
    for (const address of addresses) all.set(address.replace(/^@/, '*@'), id)
    const aliases = addresses.slice(1).map((address) => ({ address, enabled: true, description: '' }))
    const row = { ...accountDefaults, name: addresses[0]!, emailAddress: addresses[0]!, aliases, description }
    await this.server.db.write([], async (tx) => tx.put(accountRowTable, [id], row))
  }

  /** Of the first identity. */
  async identity(accountArg: object = {}): Promise<string> {
    const { list } = await this.server.call('Identity/get', { ids: null, ...accountArg })
    return (list as JsonObject[])[0]!['id'] as string
  }

  /** The id of a message that a client has put there. */
  async draft(
    text = plainDraft,
    o: { readonly to?: AccountId; readonly prefix?: string } = {},
  ): Promise<string> {
    const { id } = await this.server.deliver(text, { keywords: ['$draft'], to: o.to ?? account })
    if (o.prefix !== undefined) await this.#receive(id, o.prefix)
    return emailObjectId(id, '')
  }

  /** As if it had come over this server. */
  async #receive(id: MessageId, prefix: string): Promise<void> {
    const { db, blobs } = this.server
    const row = (await db.read((tx) => tx.get(messageTable, account, id)))!
    const bytes = Buffer.from(await blobs.readRange(row.blob, 0, row.blobBytes))
    const structure = encodeStructure(parseStructure(bytes), prefix.length)
    await db.write([account], async (tx) => {
      tx.put(messageTable, [account, id], { ...row, prefix: Buffer.from(prefix) })
      tx.put(structureTable, [account, id], structure)
    })
  }

  async destroyEmail(text: string): Promise<void> {
    const id = objectNumber('M', text, '') as MessageId
    const { db } = this.server
    const row = (await db.read((tx) => tx.get(messageTable, account, id)))!
    const uids = row.entries.map(({ uid }) => uid)
    await db.write([account], (tx) => expungeMessages(tx, account, inboxId, uids, { onlyDeleted: false }))
  }

  /** Sends a draft; what is answered for it as created. */
  async submit(given: object = {}, more: object = {}): Promise<JsonObject> {
    const answer = await this.set({ create: { s: await this.filled(given) }, ...more })
    const created = answer['created'] as JsonObject | null
    assert.ok(created !== null, JSON.stringify(answer['notCreated']))
    return created['s'] as JsonObject
  }

  /** The SetError of what is not sent. */
  async refused(given: object): Promise<JsonObject> {
    const answer = await this.set({ create: { s: await this.filled(given) } })
    assert.equal(answer['created'], null)
    return (answer['notCreated'] as JsonObject)['s'] as JsonObject
  }

  async filled(given: object): Promise<JsonObject> {
    const usual = {
      ...('identityId' in given ? {} : { identityId: await this.identity() }),
      ...('emailId' in given ? {} : { emailId: await this.draft() }),
    }
    return { ...usual, ...given }
  }

  set(args: Readonly<Record<string, unknown>>): Promise<JsonObject> {
    return this.server.call('EmailSubmission/set', args)
  }

  /** A submission as it is now. */
  async get(id: unknown): Promise<JsonObject> {
    const { list } = await this.server.call('EmailSubmission/get', { ids: [id] })
    return (list as JsonObject[])[0]!
  }

  get manager(): QueueManager {
    const { db, bus, blobs, clock } = this.server
    const settings = fallbackSettings as unknown as Settings
    const ids = new QueueIds()
    const resolve = resolveAmong(this.server.addresses)
    const expand = async () => ({ accounts: [], others: [] })
    const local = new MailboxTransport({
      db,
      blobs,
      clock,
      bus,
      ids,
      settings,
      accounts: { resolve, expand },
      limitsOf: () => noLimits,
      addDeliveredTo: () => true,
    })
    const remote = { deliver: (job: Job) => this.#relay(job) }
    const isLocal = async (address: string): Promise<boolean> => (await resolve(address)).kind !== 'remote'
    const deps = { db, blobs, clock, settings, telemetry, ids }
    const named = { hostname: () => 'mail.example.org', keysOfHost: async () => [] }
    this.#manager ??= new QueueManager({
      ...deps,
      bus,
      work: {
        destinationOf: (address) => destinationOf({ settings, isLocal }, address),
        attempt: (work, how) => attempt({ ...deps, remote, local }, work, how),
        notify: (work) => notify({ ...deps, ...named }, work),
      },
    })
    return this.#manager
  }

  /** Lets everything be tried that is due. */
  async deliver(ms = 0): Promise<void> {
    this.server.clock.advance(ms)
    this.manager.kick()
    await this.manager.settled()
  }

  /** A message comes into the Inbox of the first account, and what it reports is read. */
  async receive(text: string): Promise<string> {
    const { db, blobs, clock } = this.server
    const bytes = Buffer.from(text.replaceAll(/\r?\n/g, '\r\n'))
    const stager = blobs.stager({ maxBytes: 1e6 })
    await stager.write(bytes)
    const plan = await planDelivery(
      {
        staged: await stager.finish(),
        structure: parseStructure(bytes),
        envelopeFrom: '',
        receivedAt: clock.now(),
        prefixFor: () => Buffer.from('Return-Path: <>\r\n'),
      },
      { id: account, address: 'fred@example.org', limits: noLimits },
    )
    const outcome = await db.write([account], (tx) => applyDelivery(tx, plan))
    assert.ok(outcome.kind === 'delivered')
    await this.readReports()
    return emailObjectId(outcome.id, '')
  }

  async readReports(): Promise<void> {
    const { db, bus, blobs, clock } = this.server
    const kinds = [submissionReportTask({ blobs })]
    await using scheduler = new TaskScheduler({ db, bus, clock, telemetry, kinds })
    await scheduler.kick()
  }

  async #relay(job: Job): Promise<readonly RecipientResult[]> {
    const pieces: Uint8Array[] = []
    for await (const piece of job.message.read()) pieces.push(piece)
    const results: RecipientResult[] = []
    for (const { address } of job.recipients) results.push(await this.answer(address))
    const to = job.recipients.map(({ address }) => address).filter((_, i) => results[i]!.kind === 'delivered')
    const text = Buffer.concat(pieces).toString('latin1')
    if (to.length > 0) this.sent.push({ from: job.from, to, text, job })
    return results
  }

  /** All messages of an account, as text. */
  async messages(id: AccountId): Promise<readonly string[]> {
    const rows = await this.server.db.read((tx) => tx.list(messageTable, [id]))
    const texts: string[] = []
    for (const [, row] of rows) {
      const pieces: Uint8Array[] = []
      for await (const piece of readMessage(this.server.blobs, row)) pieces.push(piece)
      texts.push(Buffer.concat(pieces).toString('latin1'))
    }
    return texts
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#manager?.[Symbol.asyncDispose]()
  }
}

const taken: RecipientResult = {
  kind: 'delivered',
  attempt: attemptAt(createdAt, '250 2.0.0 ok'),
  passedOn: false,
  byPassedOn: false,
}

export const later = (said = '450 4.2.0 not now'): RecipientResult => ({
  kind: 'delayed',
  status: '4.2.0',
  attempt: attemptAt(createdAt, said),
})

export const never = (said = '550 5.1.1 no such user'): RecipientResult => ({
  kind: 'failed',
  status: '5.1.1',
  attempt: attemptAt(createdAt, said),
})

export const plainDraft = [
  'From: Fred <fred@example.org>',
  'To: jane@remote.example',
  'Subject: hello',
  'Date: Thu, 1 Jan 2026 00:00:00 +0000',
  'Message-ID: <draft@example.org>',
  '',
  'hello',
  '',
].join('\n')

/** With other fields: undefined leaves one out, a name that is not there is added. */
export function draftWith(fields: Readonly<Record<string, string | undefined>>, body = 'hello'): string {
  const usual: Record<string, string | undefined> = {
    From: 'Fred <fred@example.org>',
    To: 'jane@remote.example',
    Subject: 'hello',
    Date: 'Thu, 1 Jan 2026 00:00:00 +0000',
    'Message-ID': '<draft@example.org>',
  }
  const all = Object.entries({ ...usual, ...fields })
  const lines = all.flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`]))
  return [...lines, '', body, ''].join('\n')
}

/** An envelope as clients write it. */
export const envelope = (from: string, ...to: readonly string[]) => ({
  mailFrom: { email: from, parameters: null },
  rcptTo: to.map((email) => ({ email, parameters: null })),
})
