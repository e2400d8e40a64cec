/** Random histories of mail for the tests of the check: what any client may do, in any order. */
import fc from 'fast-check'
import type { BlobStore } from '#blob/store.ts'
import { isFault } from '#base/fault.ts'
import type { AccountId, MailboxId, Uid } from '#base/id.ts'
import type { Db } from '#kv/db.ts'
import type { WriteTx } from '#kv/tx.ts'
import { copyMessages, moveMessages } from '../copy.ts'
import { expungeMessages } from '../expunge.ts'
import { storeFlags } from '../flags.ts'
import { type Ingested, ingest } from '../ingest.ts'
import { noLimits } from '../limits.ts'
import { createMailbox, deleteMailbox, listMailboxes, renameMailbox } from '../mailbox.ts'
import type { PreparedMessage } from '../prepare.ts'
import { prepareBytes } from '../test-message.ts'
import { entryTable } from '../tables.ts'

export interface MailStore {
  readonly db: Db
  readonly blobs: BlobStore
}

const pick = fc.nat({ max: 1000 })
const words = fc.subarray(['$seen', '$flagged', '$junk', 'custom'])
export const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      box: pick,
      words,
      deleted: fc.boolean(),
      n: pick,
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('flag' as const), box: pick, words, n: pick }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('copy' as const),
      box: pick,
      to: pick,
      n: pick,
      move: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('expunge' as const), box: pick, n: pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('create' as const), box: pick, n: pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('rename' as const), box: pick, to: pick, n: pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), box: pick }) },
)
export const history = fc.array(step, { minLength: 5, maxLength: 40 })
export type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

export async function prepare(
  blobs: BlobStore,
  text: string,
  prefix = 'Return-Path: <>\r\n',
): Promise<PreparedMessage> {
  const bytes = Buffer.from(text.replaceAll(/\r?\n/g, '\r\n'))
  return prepareBytes(blobs, bytes, { prefix, receivedAt: 1_700_000_000_000 })
}

/** A message, one of few: with identifiers that make threads, of one part or several, short or long. */
export function text(n: number): string {
  const header = [
    `Message-ID: <m${n % 7}@x>`,
    ...(n % 3 === 0 ? [] : [`References: <m${(n * 3) % 7}@x>`]),
    `Subject: Re: s${n % 2}`,
    'From: A <a@example.org>',
  ]
  if (n % 5 !== 0)
    return `${header.join('\n')}\n\nbody ${n % 20}\n${'x'.repeat(n % 11 === 0 ? 200_000 : n)}\n`
  const parts = `--b\n\ntext ${n}\n--b\nContent-Type: text/html\n\n<p>${n}\n--b--\n`
  return `${header.join('\n')}\nContent-Type: multipart/mixed; boundary=b\n\n${parts}`
}

export async function append(
  { db, blobs }: MailStore,
  account: AccountId,
  mailbox: MailboxId,
  o: { n?: number; words?: readonly string[]; deleted?: boolean; text?: string } = {},
): Promise<Ingested> {
  const message = await prepare(blobs, o.text ?? text(o.n ?? 1))
  const options = {
    mailbox,
    keywords: o.words ?? [],
    deleted: o.deleted ?? false,
    savedAt: 1,
    limits: noLimits,
  }
  return db.write([account], (tx) => ingest(tx, account, message, options))
}

/** What cannot be done (an Inbox deleted, a name taken) is not done. */
export async function apply(store: MailStore, account: AccountId, one: Step): Promise<void> {
  const { db } = store
  const all = await db.read((tx) => listMailboxes(tx, account))
  const box = all[one.box % all.length]!.id
  if (one.do === 'append') {
    await append(store, account, box, one)
    return
  }
  await db.write([account], async (tx) => {
    const outcome = await tx.attempt(() => change(tx, account, box, one, all))
    if (isFault(outcome) && outcome.code === 'unavailable') throw outcome
  })
}

async function change(
  tx: WriteTx,
  account: AccountId,
  box: MailboxId,
  one: Exclude<Step, { do: 'append' }>,
  all: readonly { readonly id: MailboxId }[],
): Promise<void> {
  const uids = (await tx.list(entryTable, [account, box])).map(([[, , uid]]) => uid)
  const some = (n: number): Uid[] => uids.filter((_, i) => (n >> (i % 9)) % 2 === 1)
  switch (one.do) {
    case 'flag':
      await storeFlags(tx, account, box, some(one.n), {
        how: 'add',
        keywords: one.words,
        deleted: one.n % 2 === 0,
      })
      return
    case 'copy': {
      const to = all[one.to % all.length]!.id
      await (one.move ? moveMessages : copyMessages)(
        tx,
        { from: { account, mailbox: box }, uids: some(one.n), to: { account, mailbox: to } },
        { savedAt: 2 },
      )
      return
    }
    case 'expunge':
      await expungeMessages(tx, account, box, some(one.n), { onlyDeleted: one.n % 3 === 0 })
      return
    case 'create':
      await createMailbox(tx, account, { name: `box ${one.n}`, parent: one.n % 2 === 0 ? 0 : box })
      return
    case 'rename':
      await renameMailbox(tx, account, box, {
        name: `box ${one.n}`,
        parent: one.to % 2 === 0 ? 0 : all[0]!.id,
      })
      return
    case 'delete':
      await deleteMailbox(tx, account, box)
  }
}
