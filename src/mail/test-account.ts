/** An account in a memory store for the tests of this folder: deliver into it, look at its rows. */
import type { AccountId, MailboxId, Uid } from '#base/id.ts'
import { MemoryBlobs } from '#blob/engines/memory.ts'
import { LocalBus } from '#bus/engines/local.ts'
import type { Staged } from '#kv/backend.ts'
import { KvDb } from '#kv/db.ts'
import { MemoryEngine } from '#kv/engines/memory.ts'
import type { Place } from './mailbox-row.ts'
import { type Ingested, ingest, type IngestOptions } from './ingest.ts'
import { noLimits } from './limits.ts'
import { inboxId, provisionAccount } from './mailbox.ts'
import type { PreparedMessage } from './prepare.ts'
import { prepareBytes } from './test-message.ts'

export const account = 7 as AccountId
export const createdAt = Date.UTC(2026, 0, 1)
export const inbox: MailboxId = inboxId
export const archive = 6 as MailboxId

export interface TestAccount {
  readonly db: KvDb
  readonly engine: MemoryEngine
  readonly blobs: MemoryBlobs
  readonly stage: (bytes: Uint8Array) => Promise<Staged>
  readonly prepare: (text: string, prefix?: string) => Promise<PreparedMessage>
  /** A message into the Inbox, or as the options say. */
  readonly append: (text: string, o?: Partial<IngestOptions> & { prefix?: string }) => Promise<Ingested>
  /** As many short messages without identifiers; their UIDs. */
  readonly fill: (count: number, o?: Partial<IngestOptions>) => Promise<Uid[]>
}

export async function openTestAccount(): Promise<TestAccount> {
  const blobs = new MemoryBlobs()
  const engine = new MemoryEngine(blobs)
  const bus = new LocalBus({
    onError: (error) => {
      throw error
    },
  })
  const db = new KvDb(engine, bus)
  await db.write([account], (tx) => provisionAccount(tx, account, createdAt))

  const stage = async (bytes: Uint8Array): Promise<Staged> => {
    const stager = blobs.stager({ maxBytes: 1 << 30 })
    await stager.write(bytes)
    return stager.finish()
  }
  const prepare = async (text: string, prefix = ''): Promise<PreparedMessage> => {
    const bytes = Buffer.from(text.replaceAll(/\r?\n/g, '\r\n'), 'utf8')
    return prepareBytes(blobs, bytes, { prefix, receivedAt: createdAt + 1000 })
  }
  const append: TestAccount['append'] = async (text, { prefix, ...o } = {}) => {
    const message = await prepare(text, prefix)
    return db.write([account], (tx) => ingest(tx, account, message, { ...defaults, ...o }))
  }
  const fill: TestAccount['fill'] = async (count, o = {}) => {
    const uids: Uid[] = []
    const message = await prepare('Subject: filler\n\nx\n')
    await db.write([account], async (tx) => {
      uids.length = 0
      for (let i = 0; i < count; i++)
        uids.push((await ingest(tx, account, message, { ...defaults, ...o })).uid)
    })
    return uids
  }
  return { db, engine, blobs, stage, prepare, append, fill }
}

const defaults: IngestOptions = {
  mailbox: inboxId,
  keywords: [],
  savedAt: createdAt + 2000,
  limits: noLimits,
}

/** A small message with the given header lines. */
export const mail = (...header: string[]): string => `${header.join('\n')}\n\nbody\n`

export const at = (mailbox: MailboxId): Place => ({ account, mailbox })
